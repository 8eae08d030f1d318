//! One line of the journal as bytes: the record's JSON with a chained checksum as its last
//! key, so that a line that was changed, dropped or moved shows.

use crate::base::digest::Hasher;
use crate::event::{Event, Record};

const KEY: &str = ",\"sum\":\"";
/// Hex digits of the checksum: 64 bits find accidents and careless edits; the proof's digests find the rest.
const DIGITS: usize = 16;

/// The line (with its newline) and its checksum, which the next line needs as `previous`.
pub(super) fn encode(record: &Record, previous: &str) -> serde_json::Result<(String, String)> {
    let mut text = serde_json::to_string(record)?;
    text.pop();
    let sum = checksum(previous, &text);
    text.push_str(KEY);
    text.push_str(&sum);
    text.push_str("\"}\n");
    Ok((text, sum))
}

/// What a line says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// The checksum fits.
    Whole(String),
    /// It does not (or there is none); the chain goes on from what the line claims.
    Broken(String),
}

/// Compares a line (without its newline) with its own checksum.
pub(super) fn seal(line: &str, previous: &str) -> Seal {
    let parts = line.strip_suffix("\"}").and_then(|l| l.rsplit_once(KEY));
    match parts {
        Some((body, sum)) if checksum(previous, body) == sum => Seal::Whole(sum.to_owned()),
        Some((_, sum)) => Seal::Broken(sum.to_owned()),
        None => Seal::Broken(String::new()),
    }
}

fn checksum(previous: &str, body: &str) -> String {
    let mut hasher = Hasher::default();
    hasher.update(previous.as_bytes());
    hasher.update(body.as_bytes());
    let mut hex = hasher.hex();
    hex.truncate(DIGITS);
    hex
}

/// The part of a journal that a proof can vouch for: (bytes, lines) before the last
/// `proof` event, or all of it where there is none. What follows is written after the proof.
pub fn proof_prefix(journal: &[u8]) -> (usize, usize) {
    let mut at = 0;
    let mut found = None;
    let mut lines = 0;
    for line in journal.split_inclusive(|b| *b == b'\n') {
        if is_proof(line) {
            found = Some((at, lines));
        }
        at += line.len();
        lines += 1;
    }
    found.unwrap_or((at, lines))
}

fn is_proof(line: &[u8]) -> bool {
    // The type is looked for as text first: parsing every line of a long journal twice is slow.
    let needle = b"\"type\":\"proof\"";
    line.windows(needle.len()).any(|w| w == needle)
        && serde_json::from_slice::<Record>(line).is_ok_and(|r| matches!(r.event, Event::Proof { .. }))
}
