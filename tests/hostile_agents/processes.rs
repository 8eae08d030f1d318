//! Signals, daemons, floods, full disks and endless spawning.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::mounts;
use crate::world::{Sandbox, World, alive, both, on};

#[test]
fn nobody_outside_can_be_signalled() {
    let script = r#"
kill -9 $PPID 2>/dev/null && echo "KILLED $PPID"
for p in /proc/[0-9]*; do
  grep -q auditrun $p/cmdline 2>/dev/null || continue
  kill -9 ${p#/proc/} 2>/dev/null && echo "KILLED $p"
done
kill -0 1 2>/dev/null && echo "KILLED 1"
sleep 100 & kill -9 $! && echo own
echo ok > A.out
"#;
    if auditrun::process::sandbox::support().abi < 6 {
        eprintln!("skipped: {} can't scope signals", auditrun::process::sandbox::support());
        return;
    }
    for mode in on() {
        // A shell in between, so that the parent is not the supervisor alone.
        let world = World::new(mode).node("A", script, "true");
        let run = world.run();
        assert_eq!(run.code, 0, "{}\n{}", run.err, world.log("A"));
        assert!(!world.log("A").contains("KILLED") && world.log("A").contains("own"), "{}", world.log("A"));
    }
}

/// Lowered limits end whoever has them: processor time, open files, the size of files.
#[test]
fn nobody_outside_can_be_given_limits() {
    let script = r#"
for p in $PPID @outside; do
  for limit in nofile=7:7 cpu=1:1 fsize=1:1; do
    prlimit --pid $p --$limit 2>/dev/null && echo "LIMITED $p $limit"
  done
done
prlimit --pid $PPID --nofile >/dev/null && ulimit -n 64 && [ "$(ulimit -n)" = 64 ] && echo own
echo ok > A.out
"#;
    for mode in on() {
        for world in [World::new(mode), World::new(mode).ordinary()] {
            let script = script.replace("@outside", &std::process::id().to_string());
            let world = world.node("A", &script, "true");
            let run = world.run();
            assert_eq!(run.code, 0, "{}\n{}", run.err, world.log("A"));
            let log = world.log("A");
            assert!(!log.contains("LIMITED") && log.contains("own"), "{log}");
        }
    }
}

#[test]
fn an_agent_that_kills_its_supervisor_leaves_nobody() {
    let script = "sleep 71031 & setsid sleep 71031 & kill -9 $PPID; sleep 71031";
    let world = World::new(Sandbox::Off).node("A", script, "true");
    let run = world.run();
    assert_ne!(run.code, 0, "{}", run.err);
    assert!(world.landed().is_empty());
    assert_eq!(alive("71031"), Vec::<String>::new());
}

#[test]
fn who_never_ends_and_ignores_requests_is_ended_with_its_daemons() {
    for (mode, mark) in both().into_iter().zip(["71032", "71033"]) {
        let script = format!(
            "trap '' TERM HUP INT\n(setsid sh -c \"trap '' TERM; sleep {mark}; :\" </dev/null >/dev/null 2>&1 &)\nsetsid sh -c \"(sleep {mark} &)\" \nwhile :; do sleep {mark}; done\n"
        );
        let world =
            World::new(mode).node("A", &script, "true").kdl("grace \"200ms\"\nnode \"A\" timeout=\"1s\"");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("timeout"), "{}", world.reason("A"));
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

#[test]
fn a_daemon_that_outlives_its_agent_is_ended_and_reported() {
    for (mode, mark) in both().into_iter().zip(["71034", "71035"]) {
        let script = format!("(setsid sleep {mark} </dev/null >/dev/null 2>&1 &)\necho ok > A.out\n");
        let world = World::new(mode).node("A", &script, "true");
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(world.verdict("A")["agent"]["leaked"].to_string().contains(mark));
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

#[test]
fn a_flood_fills_no_disk() {
    for mode in both() {
        let world = World::new(mode)
            .node("A", "head -c 50000000 /dev/zero | tr '\\0' x; echo THE-END; echo ok > A.out", "true")
            .kdl("log-limit \"1MiB\"");
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        let log = world.log("A");
        assert!(log.len() <= 1 << 20 && log.trim_end().ends_with("THE-END"), "{}", log.len());
        assert!(log.contains("bytes left out here"));
    }
}

#[test]
fn who_fills_the_disk_is_ended_at_its_limit() {
    for mode in both() {
        for place in ["big", "$TMPDIR/big"] {
            let script = format!("while :; do head -c 1000000 /dev/zero >> {place}; sleep 0.01; done");
            let world = World::new(mode).node("A", &script, "true").kdl("disk-limit \"8MiB\"");
            let run = world.run();
            assert_eq!(run.code, 4, "{}", run.err);
            assert!(world.reason("A").contains("disk-limit"), "{}", world.reason("A"));
            assert!(world.landed().is_empty());
        }
    }
}

/// Without a disk-limit, on a disk that is nearly empty when the agent begins and small.
#[test]
fn who_fills_a_disk_without_a_limit_is_ended_before_it_is_full() {
    if !mounts::possible() {
        return;
    }
    for mode in both() {
        let flood = "while :; do head -c 500000 /dev/zero >> $TMPDIR/big || echo FULL; sleep 0.05; done";
        let idle = "sleep 3; echo ok > B.out";
        let world = World::new(mode).node("A", flood, "true").node("B", idle, "true");
        world.prepare();
        let before = world.operators();
        let mut call = world.call("run");
        mounts::small_disk(&mut call, &world.path("tmp"), 48 << 20);
        let run = world.end(call);
        world.assert_contained(&before, &run);
        world.assert_nothing_left();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("the disk is nearly full"), "{}", world.reason("A"));
        assert!(!world.log("A").contains("FULL"), "{}", world.log("A"));
        assert_eq!(world.landed(), ["B.out"]);
    }
}

#[test]
fn who_spawns_without_end_is_ended_at_its_limit() {
    for (mode, mark) in both().into_iter().zip(["71036", "71037"]) {
        let script = format!("while :; do setsid sleep {mark} & sleep 0.01; done");
        let world = World::new(mode).node("A", &script, "true").kdl("process-limit 20");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("process-limit"), "{}", world.reason("A"));
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

#[test]
fn a_check_is_bounded_like_an_agent() {
    for (mode, mark) in both().into_iter().zip(["71038", "71039"]) {
        let check = format!("while :; do sleep {mark} & sleep 0.01; done");
        let world = World::new(mode).node("A", "echo ok > A.out", &check).kdl("process-limit 20");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("process-limit"), "{}", world.reason("A"));
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

/// Doubles itself, but only to a depth: this must not hurt the machine that it is tried on.
#[test]
fn who_doubles_itself_is_ended_whole() {
    for (mode, mark) in both().into_iter().zip(["71040", "71041"]) {
        let script = format!(
            "b() {{ [ $1 -gt 0 ] || {{ sleep {mark}; return; }}; b $(($1 - 1)) & b $(($1 - 1)) & wait; }}; b 6"
        );
        let world = World::new(mode).node("A", &script, "true").kdl("process-limit 40");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("process-limit"), "{}", world.reason("A"));
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

#[test]
fn escapes_are_shown_and_not_obeyed() {
    for mode in both() {
        let world = World::new(mode).node("A", "printf 'HALT: \\033[31mred\\033]0;title\\007\\n'", "true");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        for (name, text) in [
            ("stderr", run.err.clone()),
            ("stdout", run.out.clone()),
            ("report.md", world.artifact("audit/report.md")),
            ("report.html", world.artifact("audit/report.html")),
        ] {
            assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{name}: {text:?}");
        }
        assert!(world.reason("A").contains("red"), "{}", world.reason("A"));
    }
}

/// The harness is killed while agent, daemon and check are at work: their supervisors see it.
#[test]
fn a_harness_that_is_killed_leaves_nobody() {
    for (mode, mark) in both().into_iter().zip(["71042", "71043"]) {
        let script =
            format!("trap '' TERM; (setsid sh -c 'trap \"\" TERM; sleep {mark}; :' &); sleep {mark}");
        let world = World::new(mode).node("A", &script, "true");
        world.prepare();
        let mut child = world.call("run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until(|| alive(mark).len() >= 3);
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until(|| alive(mark).is_empty());
        // What it left is taken up again, and ends as a run does.
        world.write("agents/A.sh", "echo ok > A.out\n");
        let resumed = world.auditrun("resume");
        assert_eq!(resumed.code, 0, "{}", resumed.err);
        assert_eq!(world.landed(), ["A.out"]);
    }
}

/// Without a sandbox an agent may stop its supervisor, which then sees nothing by itself.
#[test]
fn a_stopped_supervisor_outlives_no_harness_that_is_killed() {
    let script = "kill -STOP $PPID; (setsid sleep 71047 &); sleep 71047";
    let world = World::new(Sandbox::Off).node("A", script, "true");
    world.prepare();
    let mut child = world.call("run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| alive("71047").len() >= 2);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until(|| alive("71047").is_empty());
    wait_until(|| alive(&world.path("home").display().to_string()).is_empty());
}

/// Bounded even if nothing is set: what a default catches is far above what is tried here.
#[test]
fn three_hundred_children_are_no_flood_by_default() {
    for (mode, mark) in both().into_iter().zip(["71044", "71045"]) {
        let script =
            format!("i=0; while [ $i -lt 300 ]; do sleep 2.{mark} & i=$((i+1)); done; wait; echo ok > A.out");
        let world = World::new(mode).node("A", &script, "true");
        let run = world.run();
        assert_eq!(run.code, 0, "{}\n{}", run.err, world.reason("A"));
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}
