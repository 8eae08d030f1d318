//! Paths as parts of addresses.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What stands in a path as it is, beside letters and digits: the unreserved characters, and the
/// slash between its parts.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A path in which no byte is special to an address.
pub fn path(path: &[u8]) -> String {
    percent_encode(path, SPECIAL).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_is_special_is_encoded() {
        assert_eq!(super::path(b"runs/A-1_x.~/b c?#%\xff"), "runs/A-1_x.~/b%20c%3F%23%25%FF");
    }
}
