//! What each version of the kernel's Landlock interface is asked for: rights as numbers, from
//! nothing but the version. What a version does not know stays open, and [`gaps`] says so.

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// Removing and making entries of every kind.
const CHANGE_DIR: u64 = 0b1_1111_1111 << 4;
/// Moving an entry to another directory.
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;

const READ: u64 = EXECUTE | READ_FILE | READ_DIR;
/// Everything that is decided here; what no rule grants of it is refused.
const HANDLED: u64 = READ | WRITE_FILE | CHANGE_DIR | REFER | TRUNCATE | IOCTL_DEV;
/// Device nodes: whoever may make one for the disk has all of it.
const MAKE_DEVICES: u64 = 1 << 6 | 1 << 11;
const WRITE: u64 = HANDLED & !MAKE_DEVICES;
/// Rights that make sense for something that is no directory; others are refused there.
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/// Binding and connecting.
const TCP: u64 = 0b11;
/// Abstract sockets and signals stay within.
const SCOPES: u64 = 0b11;

/// The rights that a version is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Refused where no rule grants them.
    pub handled: u64,
    /// Granted where a program may read.
    pub read: u64,
    /// Granted where it may write.
    pub write: u64,
    /// What of the two makes sense for something that is no directory.
    pub of_files: u64,
    /// TCP rights that are refused, all of them and everywhere.
    pub tcp: u64,
    /// What may not leave the tree.
    pub scopes: u64,
}

/// For one version of the interface, 1 or later.
pub fn rights(abi: u32, network: bool) -> Rights {
    let known = match abi {
        0 => 0,
        1 => REFER - 1,
        2 => TRUNCATE - 1,
        3 | 4 => IOCTL_DEV - 1,
        _ => u64::MAX,
    };
    Rights {
        handled: HANDLED & known,
        read: READ & known,
        write: WRITE & known,
        of_files: OF_FILES & known,
        tcp: if network || abi < 4 { 0 } else { TCP },
        scopes: if abi < 6 { 0 } else { SCOPES },
    }
}

/// What stays open although it is asked for, in words that complete "not enforced: …".
/// `namespace`: a network of its own can be had for a program.
pub fn gaps(abi: u32, network: bool, namespace: bool) -> Vec<&'static str> {
    let mut gaps = Vec::new();
    if abi < 3 {
        gaps.push("truncating files outside of the worktree");
    }
    if abi < 5 {
        gaps.push("commands to devices (ioctl)");
    }
    if abi < 6 {
        gaps.push("the ban on signals to other processes and on abstract sockets");
    }
    if !network && !namespace {
        let tcp = "the ban on the network";
        gaps.push(if abi < 4 { tcp } else { "the ban on networking other than TCP" });
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_asked_for_what_it_knows_and_no_more() {
        let handled: Vec<u64> = (1..=8).map(|abi| rights(abi, true).handled).collect();
        let (first, all) = ((1 << 13) - 1, (1 << 16) - 1);
        assert_eq!(handled, [first, first | REFER, all ^ IOCTL_DEV, all ^ IOCTL_DEV, all, all, all, all]);
        for abi in 1..=8 {
            let Rights { handled, read, write, of_files, .. } = rights(abi, false);
            assert_eq!((read | write) & !handled, 0, "a grant of what is not refused is an error");
            assert_eq!(write & MAKE_DEVICES, 0, "nobody may make devices");
            assert_eq!(read & (WRITE_FILE | CHANGE_DIR | TRUNCATE | REFER | IOCTL_DEV), 0);
            assert_eq!(of_files & (READ_DIR | CHANGE_DIR | REFER), 0);
        }
    }

    #[test]
    fn tcp_and_scopes_begin_with_their_versions() {
        let of = |network| (1..=7).map(|abi| rights(abi, network).tcp).collect::<Vec<_>>();
        assert_eq!(of(false), [0, 0, 0, TCP, TCP, TCP, TCP]);
        assert_eq!(of(true), [0; 7]);
        assert_eq!((rights(5, true).scopes, rights(6, true).scopes), (0, SCOPES));
    }

    #[test]
    fn what_a_version_leaves_open_is_said_and_nothing_else() {
        let count =
            |network, namespace| (1..=7).map(|abi| gaps(abi, network, namespace).len()).collect::<Vec<_>>();
        assert_eq!(count(true, true), [3, 3, 2, 2, 1, 0, 0]);
        assert_eq!(count(false, true), count(true, false), "a namespace is the whole ban");
        assert_eq!(count(false, false), [4, 4, 3, 3, 2, 1, 1]);
        assert!(gaps(3, false, false).contains(&"the ban on the network"));
        assert_eq!(gaps(7, false, false), ["the ban on networking other than TCP"]);
    }
}
