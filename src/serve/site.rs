//! What a site is asked and what it may answer.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Something to show. Called on a thread that may read files; several calls may be under way.
pub trait Site: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(&self, ask: &Ask) -> Answer;
}

/// A request for a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// The path's parts, decoded: none is empty, `.` or `..`, none holds a slash, a backslash or
    /// a control character. Nothing at all for `/`.
    pub path: Vec<String>,
    /// `name=value` pairs, decoded.
    pub query: Vec<(String, String)>,
    /// How far a stream had come when its reader lost it (`Last-Event-ID`).
    pub last_event_id: Option<String>,
}

impl Ask {
    /// Reads a request's target; `None` if its path is none that could be served.
    pub(super) fn read(path: &str, query: Option<&str>, last_event_id: Option<&str>) -> Option<Ask> {
        let path = path.strip_prefix('/')?;
        let parts = path.split('/').filter(|_| !path.is_empty()).map(part).collect::<Option<_>>()?;
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        };
        let last_event_id = last_event_id.map(str::to_owned);
        Some(Ask { path: parts, query: pairs.map(pair).collect::<Option<_>>()?, last_event_id })
    }

    /// The path's parts to match on.
    pub fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The first value of a query's name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

fn part(text: &str) -> Option<String> {
    let bad = |c: char| c == '/' || c == '\\' || c.is_control();
    decoded(text).filter(|part| !matches!(part.as_str(), "" | "." | "..") && !part.contains(bad))
}

/// Strict: a `%` that begins no pair of digits makes no part.
fn decoded(text: &str) -> Option<String> {
    let pair = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(pair) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

/// What a site answers.
pub enum Answer {
    /// A whole document.
    Page {
        /// Its type.
        kind: Kind,
        /// Its bytes.
        bytes: Cow<'static, [u8]>,
        /// What it may load.
        policy: Policy,
    },
    /// Messages as they come (server-sent events), until the reader leaves.
    Stream(Box<dyn Source>),
    /// The document stands at another path of this site, which begins with a slash.
    Elsewhere(String),
    /// There is nothing; why, in one sentence.
    Nothing(String),
    /// It should be there and can't be read; why, in one sentence.
    Trouble(String),
}

impl Answer {
    /// A document of ours, under the strict policy.
    pub fn page(kind: Kind, bytes: impl Into<Cow<'static, [u8]>>) -> Answer {
        Answer::Page { kind, bytes: bytes.into(), policy: Policy::Strict }
    }
}

/// Types of documents. A browser is told not to guess another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Html,
    Css,
    Script,
    Json,
    Svg,
    Text,
}

impl Kind {
    /// The media type.
    pub fn media(self) -> &'static str {
        match self {
            Kind::Html => "text/html; charset=utf-8",
            Kind::Css => "text/css; charset=utf-8",
            Kind::Script => "text/javascript; charset=utf-8",
            Kind::Json => "application/json",
            Kind::Svg => "image/svg+xml",
            Kind::Text => "text/plain; charset=utf-8",
        }
    }

    /// By a file's name; what is not known is shown as text.
    pub fn of(name: &str) -> Kind {
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("html") => Kind::Html,
            Some("css") => Kind::Css,
            Some("js") => Kind::Script,
            Some("json") => Kind::Json,
            Some("svg") => Kind::Svg,
            _ => Kind::Text,
        }
    }
}

/// What a document may load: never anything from another place than this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Scripts and styles are files of this server; none may stand in the document.
    Strict,
    /// One file with its scripts and styles inside, such as a report.
    OneFile,
}

/// Where the messages of a stream come from.
pub trait Source: Send + 'static {
    /// What is new since the last call, oldest first; asked several times a second. May read
    /// files, and should come back soon.
    fn news(&mut self) -> Vec<Message>;

    /// Nothing will ever follow: the stream ends, and the reader is told not to come back.
    fn is_over(&self) -> bool {
        false
    }
}

/// A message of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// What the reader says as `last_event_id` when it comes back; without it the id before
    /// stands. No line breaks.
    pub id: Option<String>,
    /// Its kind.
    pub event: &'static str,
    /// Its text, usually JSON.
    pub data: String,
}

impl Message {
    /// A message without an id.
    pub fn new(event: &'static str, data: impl Into<String>) -> Message {
        Message { id: None, event, data: data.into() }
    }

    /// The same with an id.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Message {
        Message { id: Some(id.into()), ..self }
    }
}
