//! Hidden paths, roles without repository access, and the network.

use std::net::TcpListener;

use crate::world::{Sandbox, World, both, on};

#[test]
fn hidden_paths_are_unreadable_and_what_lies_beside_them_is_not() {
    let script = r#"
cat @home/.ssh/id; ls @home/.ssh; ln -s @home/.ssh/id A.link; cat A.link; rm A.link
cat @home/.ssh/../.ssh/id; cat /proc/self/root@home/.ssh/id
cat @home/notes; cat @home/.cargo/bin/tool >/dev/null && echo TOOL
echo ok > A.out
"#;
    for mode in on() {
        let world = World::new(mode).node("A", script, "! cat @home/.ssh/id");
        let run = world.run();
        assert_eq!(run.code, 0, "{}\n{}", run.err, world.log("A"));
        let log = world.log("A");
        assert!(!log.contains("PRIVATE-KEY") && !log.lines().any(|l| l == "id"), "{log}");
        assert!(log.contains("READABLE") && log.contains("TOOL"), "{log}");
    }
}

#[test]
fn the_operator_s_environment_can_not_be_read_from_the_harness() {
    let script = r#"
for p in /proc/[0-9]*; do tr '\0' '\n' < $p/environ 2>/dev/null | grep MARKED_VALUE; done
env | grep -E 'SSH_AUTH_SOCK|DBUS|DOCKER_HOST|XDG_RUNTIME|GIT_DIR'
echo ok > A.out
"#;
    for mode in both() {
        let world = World::new(mode)
            .env("OPERATORS_OWN", "MARKED_VALUE")
            .env("SSH_AUTH_SOCK", "/x")
            .env("DBUS_SESSION_BUS_ADDRESS", "/x")
            .env("DOCKER_HOST", "/x")
            .node("A", script, "true");
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        let log = world.log("A");
        if mode == Sandbox::On {
            assert!(!log.contains("MARKED_VALUE"), "{log}");
        }
        assert!(!log.contains("=/x"), "{log}");
    }
}

#[test]
fn a_role_without_repository_access_reads_what_it_was_given() {
    let script = r#"
for f in @repo/README.md @home/notes @root/outside/file; do cat $f 2>/dev/null && exit 1; done
[ "$(cat src/a.txt)" = a ] || exit 1
echo x > src/new 2>/dev/null && exit 1
echo x > @repo/src/a.txt 2>/dev/null && exit 1
echo x > "$TMPDIR/x" || exit 1
echo '{"question_id": "Q-1", "evidence_paths": ["src/a.txt"], "proposed_answer": "a", "confidence": 0.9, "contradicts": []}'
"#;
    for mode in on() {
        let world = World::new(mode).node("A", "echo ok > A.out", "true").question(script);
        world.prepare();
        let before = world.operators();
        let run = world.auditrun("run");
        assert_eq!(run.code, 0, "{}\n{}", run.err, world.artifact("resolutions/Q-1.resolver.log"));
        world.assert_contained(&before, &run);
    }
}

#[test]
fn an_answer_of_a_reader_that_wrote_is_void() {
    let script = r#"
echo x > src/a.txt
echo '{"question_id": "Q-1", "evidence_paths": ["src/a.txt"], "proposed_answer": "a", "confidence": 0.9, "contradicts": []}'
"#;
    let world = World::new(Sandbox::Off).node("A", "echo ok > A.out", "true").question(script);
    let run = world.run();
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(run.err.contains("may only read"), "{}", run.err);
}

#[test]
fn the_network_is_off_where_it_is_turned_off() {
    if auditrun::process::sandbox::support().abi < 4 {
        eprintln!("skipped: {} can't turn TCP off", auditrun::process::sandbox::support());
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("bash -c 'echo x > /dev/tcp/127.0.0.1/{port}' && echo CONNECTED\necho ok > A.out\n");
    for (network, connects) in [("#true", true), ("#false", false)] {
        let world = World::new(Sandbox::On)
            .kdl(&format!("sandbox \"required\" {{ network {network} }}"))
            .node("A", &script, "true");
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(world.log("A").contains("CONNECTED"), connects, "{}", world.log("A"));
    }
}

/// UDP to a socket of the test's own, and a name that only the network could resolve.
#[test]
fn no_network_is_no_udp_either_where_a_namespace_can_be_had() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let port = socket.local_addr().unwrap().port();
    let script = format!(
        "python3 -c 'import socket; socket.socket(2, 2).sendto(b\"x\", (\"127.0.0.1\", {port}))' && echo SENT\nid -u > A.out\n"
    );
    for (network, arrives) in [("#true", true), ("#false", false)] {
        for mode in on() {
            let world = World::new(mode).kdl(&format!("sandbox \"required\" {{ network {network} }}")).node(
                "A",
                &script,
                "test \"$(cat A.out)\" = \"$(id -u)\"",
            );
            let run = world.run();
            assert_eq!(run.code, 0, "{}\n{}", run.err, world.log("A"));
            let arrives = arrives || !auditrun::process::sandbox::support().namespace();
            assert_eq!(world.log("A").contains("SENT"), arrives, "{}", world.log("A"));
            assert_eq!(socket.recv(&mut [0; 8]).is_ok(), arrives);
            let open = run.err.contains("the ban on networking");
            assert_eq!(open, network == "#false" && arrives, "{}", run.err);
        }
    }
}
