//! The kernel's side: Landlock by its system calls. Runs in a forked child right before
//! exec, so nothing here allocates, locks or reads more than it is given.

#[cfg(target_os = "linux")]
pub use linux::{abi, restrict};
#[cfg(not(target_os = "linux"))]
pub use other::{abi, restrict};

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::CStr;
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

    use rustix::fs::{FileType, Mode, OFlags, fstat, open};
    use rustix::io::Errno;

    const EXECUTE: u64 = 1;
    const WRITE_FILE: u64 = 1 << 1;
    const READ_FILE: u64 = 1 << 2;
    const READ_DIR: u64 = 1 << 3;
    /// Removing and making entries of every kind.
    const CHANGE_DIR: u64 = 0b1_1111_1111 << 4;
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

    const TCP: u64 = 0b11;
    /// Abstract sockets and signals stay within.
    const SCOPES: u64 = 0b11;

    const RULE_PATH_BENEATH: i32 = 1;
    const QUERY_VERSION: u32 = 1;

    #[repr(C)]
    struct RulesetAttr {
        access_fs: u64,
        access_net: u64,
        scoped: u64,
    }

    #[repr(C, packed)]
    struct PathBeneath {
        access: u64,
        parent: i32,
    }

    /// The version of the interface; 0 if there is none.
    pub fn abi() -> u32 {
        // SAFETY: asks for the version, for which the kernel wants a null pointer and no size.
        #[allow(unsafe_code)]
        let found = unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                std::ptr::null::<RulesetAttr>(),
                0_usize,
                QUERY_VERSION,
            )
        };
        u32::try_from(found).unwrap_or(0)
    }

    /// Confines this thread, and all that it becomes and starts, to the given places. Each is
    /// a path and whether it may be written; one that has gone since is skipped.
    pub fn restrict<'a>(rules: impl Iterator<Item = (&'a CStr, bool)>, network: bool) -> Result<(), Errno> {
        let abi = abi();
        let attr = RulesetAttr {
            access_fs: HANDLED & known(abi),
            access_net: if network || abi < 4 { 0 } else { TCP },
            scoped: if abi < 6 { 0 } else { SCOPES },
        };
        let ruleset = create(&attr, abi)?;
        for (path, write) in rules {
            match open(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(place) => add(&ruleset, &place, if write { WRITE } else { READ } & known(abi))?,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
                Err(errno) => return Err(errno),
            }
        }
        rustix::thread::set_no_new_privs(true)?;
        renounce()?;
        enter(&ruleset)
    }

    /// What root may still do: with files as any owner could, be another user, use low
    /// ports. The rest (devices, mounts, other processes' memory, the kernel) is a way around
    /// the rules, or around who may look at whom. Nothing after this can get it back.
    fn renounce() -> Result<(), Errno> {
        use rustix::thread::{CapabilitySet as Set, CapabilitySets, capabilities, set_capabilities};
        let kept = Set::CHOWN
            | Set::DAC_OVERRIDE
            | Set::FOWNER
            | Set::FSETID
            | Set::SETFCAP
            | Set::SETUID
            | Set::SETGID
            | Set::KILL
            | Set::NET_BIND_SERVICE
            | Set::SYS_CHROOT;
        let now = capabilities(None)?;
        if kept.contains(now.permitted) && kept.contains(now.inheritable) {
            return Ok(());
        }
        let less = CapabilitySets {
            effective: now.effective & kept,
            permitted: now.permitted & kept,
            inheritable: now.inheritable & kept,
        };
        rustix::thread::clear_ambient_capability_set()?;
        set_capabilities(None, less)
    }

    /// Rights that a version of the interface knows.
    fn known(abi: u32) -> u64 {
        match abi {
            0 => 0,
            1 => REFER - 1,
            2 => TRUNCATE - 1,
            3 | 4 => IOCTL_DEV - 1,
            _ => u64::MAX,
        }
    }

    fn create(attr: &RulesetAttr, abi: u32) -> Result<OwnedFd, Errno> {
        // An older kernel refuses a larger structure than its own if what it does not know is
        // not zero, which `restrict` sees to; the very first know only the first field.
        let size = if abi < 4 { size_of::<u64>() } else { size_of::<RulesetAttr>() };
        // SAFETY: the structure lives through the call and has at least `size` bytes; a file
        // descriptor that is returned is new and nobody else's.
        #[allow(unsafe_code)]
        unsafe {
            let fd = check(libc::syscall(
                libc::SYS_landlock_create_ruleset,
                std::ptr::from_ref(attr),
                size,
                0_u32,
            ))?;
            Ok(OwnedFd::from_raw_fd(fd))
        }
    }

    fn add(ruleset: &OwnedFd, place: &OwnedFd, access: u64) -> Result<(), Errno> {
        let directory = FileType::from_raw_mode(fstat(place.as_fd())?.st_mode) == FileType::Directory;
        let access = if directory { access } else { access & OF_FILES };
        let rule = PathBeneath { access, parent: place.as_raw_fd() };
        // SAFETY: the structure has the kernel's layout and lives through the call.
        #[allow(unsafe_code)]
        let done = unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                ruleset.as_raw_fd(),
                RULE_PATH_BENEATH,
                std::ptr::from_ref(&rule),
                0_u32,
            )
        };
        check(done).map(drop)
    }

    fn enter(ruleset: &OwnedFd) -> Result<(), Errno> {
        // SAFETY: a plain call with numbers.
        #[allow(unsafe_code)]
        let done = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
        check(done).map(drop)
    }

    fn check(result: libc::c_long) -> Result<i32, Errno> {
        match i32::try_from(result) {
            Ok(value) if value >= 0 => Ok(value),
            _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::ffi::CStr;

    use rustix::io::Errno;

    /// There is none.
    pub fn abi() -> u32 {
        0
    }

    /// Nobody asks for it where [`abi`] is 0.
    pub fn restrict<'a>(_: impl Iterator<Item = (&'a CStr, bool)>, _: bool) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }
}
