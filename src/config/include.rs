//! Follows `include` from audit.kdl through every file, so that all of them end in one
//! raw model and their problems in one list.

use std::cell::RefCell;

use super::decode::Ctx;
use super::raw::{self, Raw};
use super::{read, types};
use crate::base::layout::join;
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// Includes inside of includes; more is a mistake, or a loop made of symbolic links.
const MAX_INCLUDES: usize = 32;

/// What the files say, with what was wrong in them.
#[derive(Default)]
pub(super) struct Gathered {
    pub raw: Raw,
    pub diags: Diags,
    /// Texts annotated `(secret)` outside of `env`.
    pub secrets: Vec<String>,
    /// A file could not be read or parsed, so that more may be declared than is known.
    pub incomplete: bool,
    /// Why; these are among `diags`.
    pub unread: Diags,
    /// Every file that was read, in the order of the includes.
    pub sources: Vec<Source>,
}

/// Reads an included file by its root-relative path.
type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<Vec<u8>>;

struct Loader<'a> {
    read: ReadFile<'a>,
    raw: Raw,
    diags: RefCell<Diags>,
    secrets: RefCell<Vec<String>>,
    /// Every included file with the place that asked for it.
    seen: Vec<(String, Span)>,
    unread: Diags,
    sources: Vec<Source>,
}

/// Where the walk stands: the files above the current one, outermost first, and the
/// `include` in each that led on.
#[derive(Clone, Default)]
struct Chain {
    files: Vec<String>,
    places: Vec<Span>,
}

/// Reads `source` and everything that it includes.
pub(super) fn gather(source: &Source, read: ReadFile) -> Gathered {
    let mut loader = Loader {
        read,
        raw: Raw::default(),
        diags: RefCell::default(),
        secrets: RefCell::default(),
        seen: Vec::new(),
        unread: Diags::new(),
        sources: Vec::new(),
    };
    loader.file(source, &Chain::default());
    Gathered {
        raw: loader.raw,
        diags: loader.diags.into_inner(),
        secrets: loader.secrets.into_inner(),
        incomplete: !loader.unread.is_empty(),
        unread: loader.unread,
        sources: loader.sources,
    }
}

impl Loader<'_> {
    fn file(&mut self, source: &Source, chain: &Chain) {
        self.sources.push(source.clone());
        let nodes = match read::nodes(source, self.diags.get_mut()) {
            Ok(nodes) => nodes,
            Err(problems) => return self.give_up(problems),
        };
        let ctx = Ctx { source, includers: &chain.files, diags: &self.diags, secrets: &self.secrets };
        let includes = raw::decode(&ctx, &nodes, &mut self.raw);
        for include in includes {
            let mut below = chain.clone();
            below.files.push(source.name().to_owned());
            below.places.push(include.span.clone());
            match self.open(&include, &below) {
                Ok(source) => self.file(&source, &below),
                Err(problems) => self.give_up(problems),
            }
        }
    }

    fn give_up(&mut self, problems: Diags) {
        self.unread.extend(problems.clone());
        self.diags.get_mut().extend(problems);
    }

    fn open(&mut self, include: &Spanned<String>, chain: &Chain) -> Result<Source, Diags> {
        let name = inside(include)?;
        if let Some(at) = chain.files.iter().position(|f| *f == name) {
            return Err(cycle(&name, chain, at).into());
        }
        if let Some((_, first)) = self.seen.iter().find(|(n, _)| *n == name) {
            return Err(Diag::error("config::include-twice", format!("{name} is included twice"))
                .at(&include.span, "again here")
                .at(first, "first here")
                .help("keep one of them")
                .into());
        }
        if chain.files.len() > MAX_INCLUDES {
            return Err(Diag::error(
                "config::too-deep",
                format!("includes are nested more than {MAX_INCLUDES} deep"),
            )
            .at(&include.span, "here")
            .help("include the files from one place")
            .into());
        }
        self.seen.push((name.clone(), include.span.clone()));
        let bytes = (self.read)(&name).map_err(|e| missing(&name, include, &e))?;
        read::source(&name, &bytes)
    }
}

/// The included file's root-relative path.
fn inside(include: &Spanned<String>) -> Result<String, Diag> {
    let from = include.span.source().name();
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let relative = !include.value.starts_with('/');
    let name = relative.then(|| types::normalize(&join(folder, &include.value))).flatten();
    name.filter(|n| !n.is_empty()).ok_or_else(|| {
        Diag::error(
            "config::include-outside",
            format!("{:?} does not lie inside the repository", include.value),
        )
        .at(&include.span, "")
        .help(format!("write a path relative to {from}, inside the repository"))
    })
}

fn missing(name: &str, include: &Spanned<String>, error: &std::io::Error) -> Diag {
    let what = match error.kind() {
        std::io::ErrorKind::NotFound => format!("{name} does not exist"),
        _ => format!("{name} can't be read: {error}"),
    };
    Diag::error("config::include-missing", what)
        .at(&include.span, "included here")
        .help(format!("the path is relative to {}", include.span.source().name()))
}

/// Every `include` of the cycle is shown, the one that closes it first.
fn cycle(name: &str, chain: &Chain, at: usize) -> Diag {
    let places = chain.places.get(at..).unwrap_or_default();
    let diag = Diag::error("config::include-cycle", format!("{name} includes itself"));
    let Some((last, earlier)) = places.split_last() else { return diag };
    let diag = diag.at(last, "closes the cycle");
    let diag = earlier.iter().fold(diag, |d, place| d.at(place, "leads on"));
    diag.help("remove one of these includes")
}
