//! A filter on system calls, for what Landlock does not know: the resource limits of another
//! process of the same user. Lowered, they end any program outside of the tree, the harness
//! and the operator's own among them. Runs in a forked child, and neither allocates nor locks.

use rustix::io::Errno;

/// Refuses this thread, and all that it becomes and starts, the limits of other processes: they
/// can be read, and its own be set. It has to be unable to gain privileges already.
pub fn keep_limits() -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(PROGRAM.len()).unwrap_or(0),
        filter: PROGRAM.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program, which is constant.
    #[allow(unsafe_code)]
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
            std::ptr::from_ref(&program),
        )
    };
    match Errno::from_io_error(&std::io::Error::last_os_error()) {
        // A kernel that was built without filters.
        _ if done == 0 => Ok(()),
        Some(Errno::NOSYS | Errno::INVAL) => Ok(()),
        other => Err(other.unwrap_or(Errno::IO)),
    }
}

/// How each kind of program calls `prlimit64` here: the kernel's word for the kind, the number.
#[cfg(target_arch = "x86_64")]
const CALLS: [(u32, u32); 3] = [(0xC000_003E, 302), (0xC000_003E, 0x4000_0000 + 302), (0x4000_0003, 340)];
#[cfg(target_arch = "aarch64")]
const CALLS: [(u32, u32); 3] = [(0xC000_00B7, 261), (0x4000_0028, 369), (0x4000_0028, 369)];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CALLS: [(u32, u32); 3] = [(0, 0); 3];

/// Places in what the kernel shows of a call: its number and kind, the process that is meant,
/// and the two halves of the address of new limits.
const NUMBER: u32 = 0;
const KIND: u32 = 4;
const WHOSE: u32 = 16;
const NEW: [u32; 2] = [32, 36];

/// Jumps are over so many instructions: if equal, if not.
const PROGRAM: [libc::sock_filter; 21] = [
    load(KIND),
    equal(CALLS[0].0, 0, 2),
    load(NUMBER),
    equal(CALLS[0].1, 9, 0),
    load(KIND),
    equal(CALLS[1].0, 0, 2),
    load(NUMBER),
    equal(CALLS[1].1, 5, 0),
    load(KIND),
    equal(CALLS[2].0, 0, 2),
    load(NUMBER),
    equal(CALLS[2].1, 1, 0),
    end(libc::SECCOMP_RET_ALLOW),
    // It is the call. 0 is the caller; without new limits nothing changes.
    load(WHOSE),
    equal(0, 5, 0),
    load(NEW[0]),
    equal(0, 0, 2),
    load(NEW[1]),
    equal(0, 1, 0),
    end(libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
    end(libc::SECCOMP_RET_ALLOW),
];

const fn load(place: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, place)
}

const fn equal(value: u32, yes: u8, no: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, value)
}

const fn end(verdict: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, verdict)
}

#[allow(clippy::cast_possible_truncation)] // Codes of this language have 16 bits.
const fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}
