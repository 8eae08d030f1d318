//! Commands with mounts of their own: a place that can't be written to, a disk that is small. Root
//! makes them directly, an ordinary user inside of a namespace of users, where that is allowed.
#![allow(dead_code)] // Each test file uses its part.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Nothing below `dir` can be written by the command, as on a mount without that right.
pub fn read_only(command: &mut Command, dir: &Path) {
    let dir = text(dir);
    mounted(command, move || {
        mount(c"none", &dir, Some(&dir), libc::MS_BIND, None)?;
        mount(c"none", &dir, None, libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY, None)
    });
}

/// An empty disk of `size` bytes stands in the place of `dir` for the command.
pub fn small_disk(command: &mut Command, dir: &Path, size: u64) {
    let (dir, options) = (text(dir), CString::new(format!("size={size},mode=0777")).unwrap());
    mounted(command, move || mount(c"tmpfs", &dir, Some(c"none"), 0, Some(&options)));
}

/// This machine lets such mounts be made; if not, that is said, for a test that is skipped.
pub fn possible() -> bool {
    let mut command = Command::new("true");
    mounted(&mut command, || Ok(()));
    let able = command.status().is_ok_and(|status| status.success());
    if !able {
        eprintln!("skipped: no mounts of one's own can be made here");
    }
    able
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

fn mounted(command: &mut Command, mounts: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: asks for numbers that can't fail to be there.
    #[allow(unsafe_code)]
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{user} {user} 1")),
        ("/proc/self/gid_map", format!("{group} {group} 1")),
    ];
    let apply = move || {
        if user == 0 {
            unshare(libc::CLONE_NEWNS)?;
        } else {
            unshare(libc::CLONE_NEWNS | libc::CLONE_NEWUSER)?;
            maps.iter().try_for_each(|(file, text)| std::fs::write(file, text))?;
        }
        mount(c"none", c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
        mounts()
    };
    // SAFETY: between fork and exec it makes system calls on what was allocated before; what
    // writing a file allocates is harmless in a test that holds no lock there.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(apply)
    };
}

fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: a plain system call.
    #[allow(unsafe_code)]
    let done = unsafe { libc::unshare(flags) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn mount(
    kind: &std::ffi::CStr,
    at: &std::ffi::CStr,
    source: Option<&std::ffi::CStr>,
    flags: libc::c_ulong,
    options: Option<&CString>,
) -> io::Result<()> {
    let source = source.map_or(std::ptr::null(), std::ffi::CStr::as_ptr);
    let options = options.map_or(std::ptr::null(), |o| o.as_ptr().cast());
    // SAFETY: a plain system call on strings that outlive it.
    #[allow(unsafe_code)]
    let done = unsafe { libc::mount(source, at.as_ptr(), kind.as_ptr(), flags, options) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
