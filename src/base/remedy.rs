//! What a person can do about an error of the operating system that a sentence quotes.

/// The words by which the system, git and the standard library name an error, and the remedy.
const REMEDIES: [(&[&str], &str); 7] = [
    (&["No space left on device", "no storage space"], "make room on that file system"),
    (&["Disk quota exceeded", "quota exceeded"], "make room within your quota there"),
    (
        &["Read-only file system", "read-only filesystem"],
        "make that place writable, or name another one (--out for artifacts, TMPDIR for temporary files)",
    ),
    (
        &["Permission denied", "Operation not permitted"],
        "give the user who runs auditrun the right to write there, or run it as the files' owner",
    ),
    (
        &["Is a directory", "Not a directory", "File exists"],
        "something else stands in that place: move it away",
    ),
    (
        &["bad object", "unable to read tree", "not a valid object name"],
        "bring the object back from a clone or a backup (a pruning gc takes away what no ref keeps), or start a new run",
    ),
    (&["Too many open files"], "raise the limit on open files (ulimit -n), or lower --max-parallel"),
];

/// The remedy for what `sentence` quotes; `None`: nothing that is known to be the operator's to mend.
pub fn remedy(sentence: &str) -> Option<&'static str> {
    let quotes = |words: &&(&[&str], &str)| words.0.iter().any(|word| sentence.contains(word));
    REMEDIES.iter().find(quotes).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn errors_that_a_person_can_mend_have_a_remedy() {
        // As the system's own calls and as the standard library names them.
        for error in [Error::from_raw_os_error(libc::ENOSPC), ErrorKind::StorageFull.into()] {
            assert_eq!(remedy(&format!("can't write x: {error}")), Some("make room on that file system"));
        }
        for number in [
            libc::EROFS,
            libc::EACCES,
            libc::EPERM,
            libc::EMFILE,
            libc::EDQUOT,
            libc::EISDIR,
            libc::ENOTDIR,
            libc::EEXIST,
        ] {
            let error = Error::from_raw_os_error(number);
            assert!(remedy(&error.to_string()).is_some(), "{error}");
        }
        assert_eq!(remedy("the disk is on fire"), None);
    }
}
