//! Opens regular files and nothing else: no link is followed, and no pipe or device, which
//! would block or never end, is read.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file for reading.
///
/// # Errors
/// The system's, or it is none.
pub fn open_plain(path: &Path) -> io::Result<File> {
    // A link's own error says nothing of links.
    if path.symlink_metadata()?.is_symlink() {
        return Err(none("a symbolic link"));
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    match kind.is_file() {
        true => Ok(file),
        false if kind.is_dir() => Err(none("a directory")),
        false => Err(none("a pipe or a device")),
    }
}

/// The bytes of a regular file.
///
/// # Errors
/// As [`open_plain`].
pub fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_plain(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn none(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("it is {what} and not a file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_is_read_and_nothing_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        assert_eq!(read_plain(&at("file")).unwrap(), b"text");
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::fs::create_dir(at("dir")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for (name, said) in [("link", "symbolic link"), ("dir", "directory"), ("pipe", "pipe")] {
            let error = read_plain(&at(name)).unwrap_err().to_string();
            assert!(error.contains(said), "{name}: {error}");
        }
        assert_eq!(read_plain(&at("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
