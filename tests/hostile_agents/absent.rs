//! A kernel without Landlock, and one without namespaces: made of this one by a filter that
//! answers their system calls as such a kernel would.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::world::{Run, Sandbox, World};

/// One instruction of the kernel's filter language.
const fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// From here on these calls of the program fail with `errno`.
fn without(command: &mut Command, calls: &[libc::c_long], errno: i32) {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut filter = vec![instruction(LOAD, 0, 0, 0)];
    for call in calls {
        filter.push(instruction(EQUAL, 0, 1, u32::try_from(*call).unwrap()));
        filter.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()));
    }
    filter.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    let apply = move || {
        let program = libc::sock_fprog {
            len: u16::try_from(filter.len()).unwrap_or(0),
            filter: filter.as_ptr().cast_mut(),
        };
        // SAFETY: plain calls; the filter lives as long as the closure.
        #[allow(unsafe_code)]
        let done = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, std::ptr::from_ref(&program))
        };
        if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: two system calls on memory that was made before.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(apply)
    };
}

fn landlock(world: &World, words: &str) -> Run {
    let mut call = world.call(words);
    without(&mut call, &[libc::SYS_landlock_create_ruleset], libc::ENOSYS);
    world.end(call)
}

const WRITER: &str = "echo x > @outside/new 2>/dev/null && echo ESCAPED; echo ok > A.out";

fn world(kdl: &str) -> World {
    let world = World::new(Sandbox::Off).kdl(kdl);
    let script = WRITER.replace("@outside", &world.path("outside").to_string_lossy());
    let world = world.node("A", &script, "true");
    world.prepare();
    world
}

#[test]
fn required_refuses_and_runs_nothing() {
    let world = world("sandbox \"required\"");
    for command in ["run", "preflight"] {
        let run = landlock(&world, command);
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(
            run.err.contains("sandbox::unavailable") && run.err.contains("the sandbox is required"),
            "{}",
            run.err
        );
    }
    assert!(!world.path("outside/new").exists());
    assert!(world.landed().is_empty());
}

#[test]
fn auto_warns_once_and_detection_holds() {
    let world = world("sandbox \"auto\"");
    let run = landlock(&world, "run");
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.err.matches("run without containment").count(), 1, "{}", run.err);
    assert!(world.log("A").contains("ESCAPED"), "there really was none");
    let other = World::new(Sandbox::Off).kdl("sandbox \"auto\"").node(
        "A",
        "git config core.fsmonitor evil; echo ok > A.out",
        "true",
    );
    other.prepare();
    let run = landlock(&other, "run");
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(other.reason("A").contains("config"), "{}", other.reason("A"));
}

#[test]
fn off_says_nothing() {
    let world = world("sandbox \"off\"");
    let run = landlock(&world, "run");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!run.err.contains("sandbox"), "{}", run.err);
}

#[test]
fn gate_and_shell_refuse_as_a_run_does() {
    if !auditrun::process::sandbox::support().available() {
        return;
    }
    let good = world("sandbox \"required\"");
    assert_eq!(good.auditrun("run").code, 0);
    assert_eq!(good.auditrun("gate --base main").code, 0);
    assert_eq!(landlock(&good, "gate --base main").code, 3);
    let bad = World::new(Sandbox::On).node("A", "echo ok > A.out", "false");
    assert_eq!(bad.run().code, 4);
    assert_eq!(landlock(&bad, "shell A").code, 3);
}

#[test]
fn without_namespaces_the_rest_of_the_network_is_said_to_be_open() {
    if auditrun::process::sandbox::support().abi < 6 {
        return;
    }
    let world = world("sandbox \"required\" { network #false }");
    let mut call = world.call("run");
    without(&mut call, &[libc::SYS_unshare], libc::EPERM);
    let run = world.end(call);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("does not enforce the ban on networking other than TCP"), "{}", run.err);
    assert!(!world.log("A").contains("ESCAPED"));
}
