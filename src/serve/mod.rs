//! Pages on the loopback interface: a small HTTP server for whoever sits at this machine.
//!
//! It answers GET and HEAD and nothing else, so no page can change anything; it looks at the
//! Host header, so that no foreign name can be pointed at it; its pages may load nothing
//! from elsewhere. What it shows is up to a [`Site`]: a run's page, or a [`Folder`]:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use auditrun::serve::{Folder, Server};
//! # fn main() -> std::io::Result<()> {
//! let folder = Folder::new("auditor-self-2026-01-01-10-00", "dashboard.html", &["results.tsv", "CHANGELOG.md"]);
//! let server = Server::start(7824, Arc::new(folder))?;
//! println!("{}", server.url("dashboard.html")); // http://localhost:7824/dashboard.html
//! # server.stop(); // a Server that is dropped ends as well
//! # Ok(()) }
//! ```

mod folder;
mod guard;
mod server;
mod site;
mod stream;
mod tail;

#[cfg(test)]
mod tests;

pub use folder::Folder;
pub use server::Server;
pub use site::{Answer, Ask, Kind, Message, Policy, Site, Source};
pub use tail::{Piece, Tail};

/// The port that is tried first.
pub const PORT: u16 = 7824;
