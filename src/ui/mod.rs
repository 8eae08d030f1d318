//! What a run looks like while it goes on: sinks for its events. Nothing here decides.

mod failures;
mod fancy;
mod json;
mod line;
mod plain;
mod rows;
mod tick;

#[cfg(test)]
mod tests;

pub use failures::failures;
pub use fancy::Fancy;
pub use json::Json;
pub use plain::Plain;

/// A place to write to that several threads share.
pub type Shared = std::sync::Arc<std::sync::Mutex<dyn std::io::Write + Send>>;

/// Columns of the terminal that standard error goes to; 100 where it is none.
pub fn width() -> usize {
    size().0
}

/// Columns and rows of that terminal; 100 and 24 where it is none.
fn size() -> (usize, usize) {
    let (columns, rows) = rustix::termios::tcgetwinsize(std::io::stderr())
        .map_or((0, 0), |size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    (if columns >= 20 { columns } else { 100 }, if rows >= 4 { rows } else { 24 })
}
