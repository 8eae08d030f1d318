//! audit/ as one compressed archive, report.md at its root. The same files give the same
//! bytes: names in order, no owner, no time.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// Packs files, given by their names inside of the archive.
///
/// # Errors
/// `to` can't be written, or a name is longer than an archive can hold.
pub fn archive(files: &[(String, Vec<u8>)], to: impl Write) -> io::Result<()> {
    let mut files: Vec<&(String, Vec<u8>)> = files.iter().collect();
    files.sort();
    let mut tar = Builder::new(GzBuilder::new().write(to, Compression::default()));
    for (name, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes.as_slice())?;
    }
    tar.into_inner()?.finish()?.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let files: Vec<_> = files.iter().map(|(n, b)| ((*n).to_owned(), b.as_bytes().to_vec())).collect();
        let mut bytes = Vec::new();
        archive(&files, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_goes_in_comes_out_in_order_whatever_the_order_was() {
        let long = format!("{}/x.md", "d".repeat(150));
        let bytes = packed(&[("report.md", "# R\n"), (&long, "deep"), ("a.json", "{}")]);
        assert_eq!(bytes, packed(&[("a.json", "{}"), ("report.md", "# R\n"), (&long, "deep")]));
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut found = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0));
            found.push((entry.path().unwrap().to_string_lossy().into_owned(), text));
        }
        let expected = [("a.json", "{}"), (long.as_str(), "deep"), ("report.md", "# R\n")];
        assert_eq!(found, expected.map(|(n, t)| (n.to_owned(), t.to_owned())));
    }
}
