//! What a run looks like while it goes on: sinks for its events. Nothing here decides.

mod failures;
mod fancy;
mod json;
mod line;
mod plain;

pub use failures::failures;
pub use fancy::Fancy;
pub use json::Json;
pub use plain::Plain;

/// A place to write to that several threads share.
pub type Shared = std::sync::Arc<std::sync::Mutex<dyn std::io::Write + Send>>;

/// Columns of the terminal that standard error goes to; 100 where it is none.
pub fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if columns >= 20 { columns } else { 100 }
}
