//! The doors through which other people's bytes come in. Each takes any bytes, must not panic
//! and must not hang; what it asserts holds for every input. Shared by the fuzz targets and
//! by tests/no_panic.rs, which runs them on a stable compiler.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use auditrun::agent;
use auditrun::base::Layout;
use auditrun::bundle::{self, BundleFiles};
use auditrun::config::{self, Config, Flags, LoadInput};
use auditrun::diag::{Diags, Format, Source, render};
use auditrun::journal;
use auditrun::process::{EndCause, Exit, Stream};
use auditrun::step::{self, StepText};

/// A door.
pub type Door = fn(&[u8]);

/// Every door by the name of its corpus.
pub const ALL: [(&str, Door); 5] =
    [("kdl", kdl), ("bundle", bundle), ("steps", steps), ("transcript", transcript), ("journal", journal)];

/// Every diagnostic can be shown in every form and says what to do next.
fn shown(diags: &Diags) {
    for format in [Format::Text { color: false, width: 80 }, Format::Json, Format::Github] {
        assert_eq!(render(diags, format).is_empty(), diags.is_empty());
    }
    assert!(diags.iter().all(|d| d.help.is_some()), "a diagnostic without help: {diags:?}");
}

fn load(bytes: &[u8]) -> Result<(Config, Diags), Diags> {
    // A file that includes itself finds itself; nothing else is there.
    let read = |name: &str| {
        if name == config::FILE_NAME { Ok(bytes.to_vec()) } else { Err(ErrorKind::NotFound.into()) }
    };
    config::load(&LoadInput {
        file: Some((config::FILE_NAME.to_owned(), bytes.to_vec())),
        read: &read,
        env: &BTreeMap::new(),
        flags: &Flags::default(),
    })
}

/// audit.kdl, with every place of every setting.
pub fn kdl(bytes: &[u8]) {
    match load(bytes) {
        Ok((config, warnings)) => {
            shown(&warnings);
            assert!(
                config::explain(&config)
                    .iter()
                    .all(|(path, _, origin)| !path.is_empty() && !origin.is_empty())
            );
        }
        Err(problems) => shown(&problems),
    }
    match config::format(config::FILE_NAME, bytes) {
        Ok(once) => assert_eq!(config::format(config::FILE_NAME, once.as_bytes()).ok(), Some(once)),
        Err(problems) => {
            shown(&problems);
            assert!(problems.iter().all(|d| d.code != "config::format"), "the formatter changed the file");
        }
    }
}

/// A bundle in one text: each file begins with a line `==> NAME <==`.
pub fn bundle(bytes: &[u8]) {
    let mut files = BundleFiles { dir: "docs/audit".to_owned(), ..BundleFiles::default() };
    let mut name: Option<String> = None;
    let mut text: Vec<u8> = Vec::new();
    let end = b"==> <==\n".as_slice();
    for line in bytes.split_inclusive(|b| *b == b'\n').chain([end]) {
        let head = std::str::from_utf8(line)
            .ok()
            .and_then(|l| l.trim_end().strip_prefix("==> ")?.strip_suffix("<=="));
        let Some(next) = head else {
            text.extend_from_slice(line);
            continue;
        };
        let text = std::mem::take(&mut text);
        match name.replace(next.trim().to_owned()).as_deref() {
            Some("state.md") => files.state = Some(text),
            Some("graph.md") => files.graph = Some(text),
            Some(prompt) => files.prompts.push((prompt.to_owned(), text)),
            None => {}
        }
    }
    files.prompts.sort();
    files.prompts.dedup_by(|a, b| a.0 == b.0);
    match bundle::parse(&files, &Layout::new("docs/audit", "docs/audit")) {
        Ok((parsed, warnings)) => {
            assert!(!warnings.has_errors());
            shown(&warnings);
            plan(parsed);
        }
        Err(problems) => shown(&problems),
    }
}

fn plan(parsed: bundle::Bundle) {
    let Ok((config, _)) = load(b"") else { return };
    match auditrun::plan::make(parsed, &config, &Layout::new("docs/audit", "docs/audit")) {
        Ok((_, warnings)) => shown(&warnings),
        Err(problems) => shown(&problems),
    }
}

/// The step language.
pub fn steps(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let text = StepText::plain(&Source::new("steps", text));
    let (script, problems) = step::parse(&text);
    shown(&problems);
    shown(&step::check_target(&script, &text, &["base"]));
    shown(&step::unset_variables(&script, &text, &|name| name == "HOME"));
    for (_, place) in script.programs() {
        assert!(place.end <= text.text().len());
    }
}

/// What an agent prints. The first line names the adapter; the rest comes in pieces of
/// different sizes, which must not change what it means.
pub fn transcript(bytes: &[u8]) {
    let at = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
    let (head, body) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
    let name = String::from_utf8_lossy(head).trim().to_owned();
    let Ok((config, _)) = load(b"") else { return };
    let Some(found) = config.agents.get(&name).or_else(|| config.agents.get("claude")) else { return };
    let read = |size: usize| {
        let mut reader = agent::transcript(found);
        for piece in body.chunks(size.max(1)) {
            reader.feed(Stream::Stdout, piece);
        }
        reader.finish(Exit::Code(0), EndCause::Own)
    };
    let whole = read(body.len());
    assert_eq!(read(7), whole, "the pieces in which output comes change its meaning");
}

/// runs/events.jsonl as an interrupted or damaged run leaves it.
pub fn journal(bytes: &[u8]) {
    assert!(journal::proof_prefix(bytes).0 <= bytes.len());
    match journal::parse(bytes) {
        Ok(read) => {
            let state = journal::replay(&read.records);
            assert!(serde_json::to_string(&journal::iteration_state(&state)).is_ok());
        }
        Err(error) => shown(&error.diag().into()),
    }
}
