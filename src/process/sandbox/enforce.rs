//! The kernel's side: Landlock by its system calls. Runs in a forked child right before
//! exec, so nothing here allocates, locks or reads more than it is given.

#[cfg(target_os = "linux")]
pub use linux::{abi, restrict};
#[cfg(not(target_os = "linux"))]
pub use other::{abi, restrict};

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

    use rustix::fs::{FileType, Mode, OFlags, fstat, open};
    use rustix::io::Errno;

    use crate::process::sandbox::filter::keep_limits;
    use crate::process::sandbox::isolate::isolate;
    use crate::process::sandbox::plan::{Rights, rights};
    use crate::process::sandbox::rules::Prepared;

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

    /// Confines this thread, and all that it becomes and starts. A place that has gone since
    /// is skipped.
    pub fn restrict(wanted: &Prepared) -> Result<(), Errno> {
        if wanted.isolated {
            isolate()?;
        }
        let rights = rights(wanted.abi.min(abi()), wanted.network);
        let ruleset = create(&rights)?;
        for (path, write) in &wanted.places {
            let access = if *write { rights.write } else { rights.read };
            match open(path.as_c_str(), OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(place) => add(&ruleset, &place, access, rights.of_files)?,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
                Err(errno) => return Err(errno),
            }
        }
        rustix::thread::set_no_new_privs(true)?;
        renounce()?;
        keep_limits()?;
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

    fn create(rights: &Rights) -> Result<OwnedFd, Errno> {
        let attr = RulesetAttr { access_fs: rights.handled, access_net: rights.tcp, scoped: rights.scopes };
        // An older kernel takes a larger structure than its own if what it does not know is
        // zero, but the very first ones are given the one field that they have.
        let size = if (attr.access_net, attr.scoped) == (0, 0) {
            size_of::<u64>()
        } else {
            size_of::<RulesetAttr>()
        };
        // SAFETY: the structure lives through the call and has at least `size` bytes; a file
        // descriptor that is returned is new and nobody else's.
        #[allow(unsafe_code)]
        unsafe {
            let fd = check(libc::syscall(
                libc::SYS_landlock_create_ruleset,
                std::ptr::from_ref(&attr),
                size,
                0_u32,
            ))?;
            Ok(OwnedFd::from_raw_fd(fd))
        }
    }

    fn add(ruleset: &OwnedFd, place: &OwnedFd, access: u64, of_files: u64) -> Result<(), Errno> {
        let directory = FileType::from_raw_mode(fstat(place.as_fd())?.st_mode) == FileType::Directory;
        let access = if directory { access } else { access & of_files };
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
    use rustix::io::Errno;

    use crate::process::sandbox::rules::Prepared;

    /// There is none.
    pub fn abi() -> u32 {
        0
    }

    /// Nobody asks for it where [`abi`] is 0.
    pub fn restrict(_: &Prepared) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }
}
