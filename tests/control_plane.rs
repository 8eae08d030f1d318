//! The control-plane database: written by runs as they go, filled from journals, and no run's
//! trouble when it is away, locked, full, newer or damaged.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // A test may.

mod support;
#[path = "control_plane/db.rs"]
mod db;
#[path = "control_plane/server.rs"]
mod server;

use std::path::PathBuf;

use db::{everything, execute, rows, sqlite};
use server::Server;
use support::World;

/// One node that verifies at once, one that is cured by a remediation, one that waits for it.
fn world(kdl: &str) -> World {
    let mut world = World::new();
    world.kdl = kdl.to_owned();
    world.node("A").agent("echo 1 > a").touches(&["a"]).checks(&["test -f a"]);
    let b = world.node("B");
    b.attempt(1, "echo 1 > wrong").attempt(2, "echo 1 > b").touches(&["b"]).checks(&["test -f b"]);
    world.node("C").agent("echo 1 > c").touches(&["c"]).checks(&["test -f c"]).deps(&["B"]);
    world.build();
    world
}

fn file(world: &World) -> PathBuf {
    world.repo.join(".auditrun/control.db")
}

#[test]
fn a_run_is_in_the_database_when_it_ends_and_a_sync_changes_nothing() {
    let world = world("");
    world.run().exits(0);
    let url = sqlite(&file(&world));
    let live = everything(&url);
    let loops = rows(
        &url,
        "SELECT node_id, status, verifier_status, cleanup_status, verifier_type FROM loop_runs ORDER BY node_id",
    );
    assert_eq!(
        loops,
        ["A|verified|passed|clean|test", "B|verified|passed|clean|test", "C|verified|passed|clean|test"]
    );
    let run = world.branch().strip_prefix("audit/run-").unwrap().to_owned();
    let ids = rows(&url, "SELECT loop_id FROM loop_runs WHERE node_id = 'A'");
    let computed = world.sh(&format!("printf '{run}\\nA' | sha256sum | cut -c-12"));
    assert_eq!(ids, [computed]);
    let landed = rows(&url, "SELECT commit_id FROM landing_results ORDER BY landed_at");
    assert_eq!(landed.len(), 3);
    assert_eq!(landed[2], world.git(&format!("rev-parse {}", world.branch())));
    let repairs = rows(&url, "SELECT cycle, outcome FROM repair_attempts");
    assert_eq!(repairs, ["1|repaired"]);
    let lessons = rows(&url, "SELECT lesson_type, status, confidence FROM lessons");
    assert_eq!(lessons, ["remediation|candidate|0.5"]);
    let facts = rows(&url, "SELECT value FROM facts WHERE name = 'proof'");
    assert_eq!(facts, ["complete"]);
    let last = rows(&url, "SELECT kind FROM thread_events ORDER BY seq DESC LIMIT 1");
    assert_eq!(last, ["run_finished"]);
    assert_eq!(world.git("status --porcelain"), "");

    for _ in 0..2 {
        world.call(&["db", "sync"]).exits(0).says(&["3 loops from runs/events.jsonl", "holds 1 run"]);
        assert_eq!(everything(&url), live);
    }
    std::fs::remove_dir_all(world.repo.join(".auditrun")).unwrap();
    world.call(&["db", "sync"]).exits(0);
    assert_eq!(everything(&url), live);
}

#[test]
fn a_sync_fills_from_every_run_that_is_kept() {
    let world = world("");
    world.run().exits(0);
    world.call(&["run", "--max-iterations", "3"]).exits(5);
    let url = sqlite(&file(&world));
    let live = everything(&url);
    let pending = rows(&url, "SELECT COUNT(*) FROM loop_runs WHERE status = 'pending'");
    assert_ne!(pending, ["0"]);
    // The same lesson twice: the earliest stands, and it is believed more.
    let lessons = rows(&url, "SELECT confidence FROM lessons");
    assert_eq!(lessons, ["0.75"]);
    std::fs::remove_dir_all(world.repo.join(".auditrun")).unwrap();
    world.call(&["db", "sync"]).exits(0).says(&[".history/", "holds 2 runs"]);
    assert_eq!(everything(&url), live);

    // What a resumed run adds is there, too.
    world.call(&["resume", "--max-iterations", "9"]).exits(0);
    let live = everything(&url);
    std::fs::remove_dir_all(world.repo.join(".auditrun")).unwrap();
    let synced = world.call(&["db", "sync", "--format", "json"]);
    assert_eq!(synced.exits(0).json()["journals"].as_array().unwrap().len(), 2);
    assert_eq!(everything(&url), live);
}

/// What a run with an unusable database says, and where.
fn goes_on(world: &World, why: &str) {
    let ran = world.run();
    ran.exits(0).says(&["warning: the control-plane database", why, "auditrun db sync"]);
    for report in ["audit/report.md", "audit-report.md"] {
        let text = world.text(report);
        assert!(text.contains("control-plane database"), "{report}: {text}");
    }
    assert_eq!(world.log().len(), 3);
}

fn repaired_by_sync(world: &World, url: &str) {
    world.call(&["db", "sync"]).exits(0);
    assert_eq!(rows(url, "SELECT COUNT(*) FROM loop_runs WHERE status = 'verified'"), ["3"]);
}

#[test]
fn a_database_that_is_away_stops_no_run() {
    let mut world = world("forge { database \"sqlite:blocked/control.db\" }");
    // Not even root can make a directory below a file.
    world.write("blocked", "a file\n");
    world.commit("blocked");
    world.base = world.git("rev-parse HEAD");
    goes_on(&world, "can't be reached");
    world.call(&["db", "sync"]).exits(2).says(&["can't be reached"]);
    world.git("rm -q blocked");
    world.commit("free");
    repaired_by_sync(&world, &sqlite(&world.repo.join("blocked/control.db")));
}

#[test]
fn a_database_that_is_locked_stops_no_run() {
    let world = world("");
    world.call(&["db", "sync"]).exits(0);
    let url = sqlite(&file(&world));
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut conn = runtime.block_on(<sqlx::AnyConnection as sqlx::Connection>::connect(&url)).unwrap();
    runtime.block_on(sqlx::query("BEGIN EXCLUSIVE").execute(&mut conn)).unwrap();
    goes_on(&world, "is locked");
    runtime.block_on(sqlx::query("ROLLBACK").execute(&mut conn)).unwrap();
    drop(conn);
    repaired_by_sync(&world, &url);
}

#[test]
fn a_newer_database_is_left_alone() {
    let world = world("");
    world.call(&["db", "sync"]).exits(0);
    let url = sqlite(&file(&world));
    execute(&url, "INSERT INTO control_schema (version, applied_at) VALUES (99, 'later')");
    let before = everything(&url);
    goes_on(&world, "was made by a later auditrun");
    assert_eq!(everything(&url), before);
    world.call(&["db", "sync"]).exits(2).says(&["version 99", "newer auditrun"]);
    execute(&url, "DELETE FROM control_schema WHERE version = 99");
    repaired_by_sync(&world, &url);
}

#[test]
fn a_damaged_database_is_kept_beside_a_new_one() {
    let world = world("");
    world.write(
        ".auditrun/control.db",
        "this is no database, and long enough to be taken for one by its size\n",
    );
    goes_on(&world, "is damaged");
    world.call(&["db", "sync"]).exits(0).says(&["put aside"]);
    let url = sqlite(&file(&world));
    assert_eq!(rows(&url, "SELECT COUNT(*) FROM loop_runs WHERE status = 'verified'"), ["3"]);
    let names = world.sh("ls .auditrun");
    assert!(names.contains("control.db.damaged-"), "{names}");
}

#[test]
fn a_full_disk_under_the_database_stops_no_run() {
    let world = world("");
    world.call(&["db", "sync"]).exits(0);
    // No file may grow beyond 64 KiB: the journal and the work stay below, the database's log does not.
    let binary = env!("CARGO_BIN_EXE_auditrun");
    let mut call = world.program("sh");
    call.args(["-c", &format!("trap '' XFSZ; ulimit -f 128; exec {binary} run")]);
    let ran = support::Outcome::of(call.output().unwrap());
    ran.exits(0).says(&["warning: the control-plane database", "auditrun db sync"]);
    repaired_by_sync(&world, &sqlite(&file(&world)));
}

#[test]
fn concurrent_runs_share_a_database() {
    let shared = tempfile::Builder::new().prefix("auditrun-shared-").tempdir().unwrap();
    let path = shared.path().join("plane.db");
    let kdl = format!("forge {{ database \"sqlite:{}\" }}", path.display());
    let worlds: Vec<World> = (0..3).map(|_| world(&kdl)).collect();
    for (n, world) in worlds.iter().enumerate() {
        world.git(&format!("remote add origin https://example.com/team/repo-{n}.git"));
    }
    let running: Vec<_> = worlds.iter().map(|w| w.start(&["run"])).collect();
    for child in running {
        let ran = support::Outcome::of(child.wait_with_output().unwrap());
        ran.exits(0).says_nothing_of(&["control-plane"]);
    }
    let url = sqlite(&path);
    let loops = rows(
        &url,
        "SELECT repo_id, COUNT(*) FROM loop_runs WHERE status = 'verified' GROUP BY repo_id ORDER BY repo_id",
    );
    assert_eq!(loops, ["repo-0|3", "repo-1|3", "repo-2|3"]);
    assert_eq!(rows(&url, "SELECT COUNT(*) FROM lessons"), ["3"]);
}

#[test]
fn postgresql_is_written_live_survives_a_stop_and_shows_no_password() {
    let Some(mut server) = Server::start() else { return };
    let url = server.url();
    let kdl = format!("forge {{ database \"{url}\" }}");
    let world = world(&kdl);
    let ran = world.run();
    ran.exits(0).says_nothing_of(&["control-plane", "hunter22"]);
    let live = everything(&url);
    assert_eq!(rows(&url, "SELECT COUNT(*) FROM loop_runs WHERE status = 'verified'"), ["3"]);
    world.call(&["db", "sync"]).exits(0).says(&["postgres://audit:***@"]).says_nothing_of(&["hunter22"]);
    assert_eq!(everything(&url), live);
    world.call(&["config", "--explain"]).exits(0).says_nothing_of(&["hunter22"]);

    // The same tables as in a file.
    let other = self::world("");
    let copied = world.sh(&format!(
        "mkdir -p {0}/docs/audit/runs && cp docs/audit/runs/events.jsonl {0}/docs/audit/runs/",
        other.repo.display()
    ));
    assert_eq!(copied, "");
    other.git("remote add origin https://example.com/repo.git");
    other.call(&["db", "sync"]).exits(0);
    assert_eq!(everything(&sqlite(&file(&other))), live);

    let list = world.call(&["qa", "lessons", "list"]);
    list.exits(0).says(&["candidate", "remediation"]);

    server.stop();
    let ran = world.run();
    ran.exits(0).says(&["can't be reached"]).says_nothing_of(&["hunter22"]);
    let told = world.text("audit/report.md");
    assert!(told.contains("control-plane database") && !told.contains("hunter22"), "{told}");
    server.start_again();
    world.call(&["db", "sync"]).exits(0).says(&["holds 2 runs"]);
    assert_eq!(rows(&url, "SELECT COUNT(*) FROM loop_runs WHERE status = 'verified'"), ["6"]);
}

#[test]
fn runs_that_meet_in_postgresql_make_its_tables_once() {
    let Some(server) = Server::start() else { return };
    let kdl = format!("forge {{ database \"{}\" }}", server.url());
    let worlds: Vec<World> = (0..2).map(|_| world(&kdl)).collect();
    for (n, world) in worlds.iter().enumerate() {
        world.git(&format!("remote add origin git@example.com:team/pg-{n}.git"));
    }
    let running: Vec<_> = worlds.iter().map(|w| w.start(&["run"])).collect();
    for child in running {
        support::Outcome::of(child.wait_with_output().unwrap()).exits(0).says_nothing_of(&["control-plane"]);
    }
    let loops = rows(
        &server.url(),
        "SELECT repo_id, COUNT(*) FROM loop_runs WHERE status = 'verified' GROUP BY repo_id ORDER BY repo_id",
    );
    assert_eq!(loops, ["pg-0|3", "pg-1|3"]);
}
