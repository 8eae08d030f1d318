//! A recursive grep as data, and its counterpart in `git grep`.

use super::super::shell::Word;
use crate::base::Pattern;
use crate::base::text::shell_quote;

/// What the words of a grep say.
#[derive(Debug, Default)]
pub(super) struct Grep {
    pub(super) recursive: bool,
    /// `E`, `F` or `G`, if an option says so.
    dialect: Option<char>,
    /// Options with the same name and meaning in both.
    flags: Vec<String>,
    /// Patterns, as words of the shell.
    patterns: Vec<String>,
    includes: Vec<String>,
    excludes: Vec<String>,
    exclude_dirs: Vec<String>,
    /// Paths: as a word of the shell, and its value if it is fixed.
    paths: Vec<(String, Option<String>)>,
    /// It counts (`-c`): the two print different lists.
    counts: bool,
    /// Something here has no exact counterpart.
    foreign: bool,
    /// Where further options go, as a position among the arguments.
    pub(super) room: usize,
}

/// Long options that take a value as a word of its own.
const VALUED: [&str; 15] = [
    "regexp",
    "file",
    "max-count",
    "after-context",
    "before-context",
    "context",
    "include",
    "exclude",
    "exclude-dir",
    "exclude-from",
    "binary-files",
    "label",
    "directories",
    "devices",
    "group-separator",
];

/// An argument list that is read from the front.
struct Args<'a> {
    line: &'a str,
    words: &'a [Word],
    at: usize,
}

impl<'a> Args<'a> {
    fn next(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at);
        self.at += 1;
        word
    }

    fn raw(&self, word: &Word) -> String {
        self.line.get(word.span.clone()).unwrap_or_default().to_owned()
    }
}

/// Reads the words after `grep`.
pub(super) fn read(line: &str, words: &[Word]) -> Grep {
    let mut grep = Grep::default();
    let mut args = Args { line, words, at: 0 };
    let mut operands: Vec<&Word> = Vec::new();
    while let Some(word) = args.next() {
        match word.text.as_deref() {
            Some("--") => {
                operands.extend(words.get(args.at..).unwrap_or_default());
                break;
            }
            Some(text) if text.starts_with("--") => grep.long(text.get(2..).unwrap_or_default(), &mut args),
            Some(text) if text.len() > 1 && text.starts_with('-') => {
                grep.short(text.get(1..).unwrap_or_default(), &mut args);
            }
            _ => operands.push(word),
        }
    }
    grep.take_operands(operands, &args);
    grep
}

impl Grep {
    fn long(&mut self, text: &str, args: &mut Args<'_>) {
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let position = args.at;
        let value = match attached {
            None if VALUED.contains(&name) => {
                args.next().map(|w| (args.raw(w), w.fixed().map(str::to_owned)))
            }
            attached => attached.map(|v| (shell_quote(&v), Some(v))),
        };
        match (name, value) {
            ("recursive" | "dereference-recursive", None) => self.recursive = true,
            ("line-number", None) => self.flag("-n"),
            ("ignore-case", None) => self.flag("-i"),
            ("files-with-matches", None) => self.flag("-l"),
            ("count", None) => self.count(),
            ("word-regexp", None) => self.flag("-w"),
            ("invert-match", None) => self.flag("-v"),
            ("quiet" | "silent", None) => self.flag("-q"),
            ("no-filename", None) => self.flag("-h"),
            ("with-filename", None) => self.flag("-H"),
            ("only-matching", None) => self.flag("-o"),
            ("text", None) => self.flag("-a"),
            ("basic-regexp", None) => self.dialect = Some('G'),
            ("extended-regexp", None) => self.dialect = Some('E'),
            ("fixed-strings", None) => self.dialect = Some('F'),
            ("color" | "colour", Some((_, Some(when)))) if when == "never" || when == "auto" => {
                self.flag(&format!("--color={when}"));
            }
            ("regexp", Some((raw, fixed))) => self.pattern(raw, fixed.as_deref()),
            ("include", Some((_, Some(glob)))) => {
                self.foreign |= !self.excludes.is_empty();
                self.includes.push(glob);
                self.room = position + 1;
            }
            ("exclude", Some((_, Some(glob)))) => {
                self.excludes.push(glob);
                self.room = position + 1;
            }
            ("exclude-dir", Some((_, Some(glob)))) => self.exclude_dirs.push(glob),
            ("directories", Some((_, Some(how)))) => {
                self.recursive |= how == "recurse";
                self.foreign = true;
            }
            _ => self.foreign = true,
        }
    }

    fn short(&mut self, cluster: &str, args: &mut Args<'_>) {
        for (i, c) in cluster.char_indices() {
            let rest = cluster.get(i + c.len_utf8()..).unwrap_or_default();
            match c {
                'r' | 'R' => self.recursive = true,
                'n' | 'i' | 'l' | 'w' | 'v' | 'q' | 'h' | 'H' | 'o' | 'a' | 'I' => {
                    self.flag(&format!("-{c}"))
                }
                'c' => self.count(),
                'G' | 'E' | 'F' => self.dialect = Some(c),
                'e' | 'f' | 'm' | 'A' | 'B' | 'C' | 'd' | 'D' => return self.valued(c, rest, args),
                _ => self.foreign = true,
            }
        }
    }

    /// A short option that takes the rest of its word, or the next word.
    fn valued(&mut self, option: char, rest: &str, args: &mut Args<'_>) {
        let (raw, fixed) = match rest {
            "" => match args.next() {
                Some(word) => (args.raw(word), word.fixed().map(str::to_owned)),
                None => return self.foreign = true,
            },
            rest => (shell_quote(rest), Some(rest.to_owned())),
        };
        let number = fixed.as_deref().is_some_and(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
        match option {
            'e' => self.pattern(raw, fixed.as_deref()),
            'A' | 'B' | 'C' if number => self.flag(&format!("-{option} {raw}")),
            'd' => {
                self.recursive |= fixed.as_deref() == Some("recurse");
                self.foreign = true;
            }
            _ => self.foreign = true,
        }
    }

    fn flag(&mut self, flag: &str) {
        if !self.flags.iter().any(|f| f == flag) {
            self.flags.push(flag.to_owned());
        }
    }

    fn count(&mut self) {
        self.counts = true;
        self.flag("-c");
    }

    fn pattern(&mut self, raw: String, fixed: Option<&str>) {
        // grep takes each line of a pattern as one; a newline may come out of an expansion too.
        self.foreign |= fixed.is_none_or(|f| f.contains('\n'));
        self.patterns.push(raw);
    }

    fn take_operands(&mut self, operands: Vec<&Word>, args: &Args<'_>) {
        let mut operands = operands.into_iter();
        if self.patterns.is_empty() {
            match operands.next() {
                Some(word) => self.pattern(args.raw(word), word.fixed()),
                None => self.foreign = true,
            }
        }
        self.paths = operands.map(|w| (args.raw(w), w.fixed().map(str::to_owned))).collect();
    }

    /// The directories and files that are searched, without `./` and without a slash at the
    /// end; the empty one is the root. `None` if one is not known or lies elsewhere.
    pub(super) fn roots(&self) -> Option<Vec<String>> {
        if self.paths.is_empty() {
            return Some(vec![String::new()]);
        }
        self.paths.iter().map(|(_, path)| root(path.as_deref()?)).collect()
    }

    /// The paths that must exist, else grep ends with an error that `git grep` does not have.
    pub(super) fn must_exist(&self) -> Vec<String> {
        let roots = self.roots().unwrap_or_default();
        roots.iter().filter(|r| !r.is_empty()).map(|r| shell_quote(r)).collect()
    }

    /// The same search by `git grep`, without the pathspecs that leave files out; `None` if
    /// something has no exact counterpart. `read`: somebody reads what it prints.
    pub(super) fn by_git(&self, dialect: char, read: bool) -> Option<String> {
        let roots = self.roots()?;
        if self.foreign || (read && !self.prints_alike(&roots)) {
            return None;
        }
        let mut out = vec!["git grep --untracked".to_owned()];
        out.extend(self.flags.iter().cloned());
        if read {
            out.extend(self.plain_output());
        }
        out.push(format!("-{}", self.dialect.unwrap_or(dialect)));
        out.extend(self.patterns.iter().map(|p| format!("-e {p}")));
        out.push("--".to_owned());
        out.extend(self.pathspecs(&roots)?.iter().map(|p| shell_quote(p)));
        Some(out.join(" "))
    }

    /// Takes back what the operator's git configuration may add to every line.
    fn plain_output(&self) -> impl Iterator<Item = String> {
        let numbered = self.flags.iter().any(|f| f == "-n");
        let coloured = self.flags.iter().any(|f| f.starts_with("--color"));
        let wanted = [("--no-line-number", !numbered), ("--no-column", true), ("--no-color", !coloured)];
        wanted.into_iter().filter(|(_, add)| *add).map(|(flag, _)| flag.to_owned())
    }

    /// True if both print the same lines: `grep` keeps a leading `./`, names no file where
    /// it was given just one, and counts files without a match too.
    fn prints_alike(&self, roots: &[String]) -> bool {
        let dotted = |p: &str| p == "." || p.starts_with("./");
        let dotted = self.paths.iter().any(|(_, p)| p.as_deref().is_some_and(dotted));
        let one_file =
            matches!(roots, [root] if root.rsplit('/').next().is_some_and(|name| name.contains('.')));
        !(self.counts || dotted || one_file)
    }

    fn pathspecs(&self, roots: &[String]) -> Option<Vec<String>> {
        let globs = self.includes.iter().chain(&self.excludes).chain(&self.exclude_dirs);
        if !globs.clone().all(|g| is_name_glob(g)) {
            return None;
        }
        // grep holds a path that it was given against these globs too, be it file or directory.
        let named = |root: &String| !root.is_empty() && globs.clone().any(|g| matches_name(g, root));
        if roots.iter().any(named) {
            return None;
        }
        let mut out = Vec::new();
        for root in roots {
            let below = if root.is_empty() { String::new() } else { format!("{root}/") };
            match (self.includes.as_slice(), root.as_str()) {
                ([], "") => out.push(".".to_owned()),
                ([], root) => out.push(root.to_owned()),
                (globs, _) => out.extend(globs.iter().map(|g| format!(":(glob){below}**/{g}"))),
            }
        }
        out.extend(self.excludes.iter().map(|g| format!(":(exclude,glob)**/{g}")));
        out.extend(self.exclude_dirs.iter().map(|g| format!(":(exclude,glob)**/{g}/**")));
        Some(out)
    }
}

/// A path inside of the worktree that git takes literally.
fn root(path: &str) -> Option<String> {
    let odd = path.is_empty() || path == "-" || path.starts_with(['/', ':', '~']);
    if odd || path.contains(['*', '?', '[', '\\']) {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

/// A glob over a file's name that grep and git read alike.
fn is_name_glob(glob: &str) -> bool {
    !glob.is_empty() && glob != "." && !glob.contains("**") && !glob.contains(['/', '[', '\\', '{'])
}

fn matches_name(glob: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    Pattern::parse(glob).map_or(true, |p| p.matches(&name.into()))
}
