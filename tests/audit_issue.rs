//! The failure issue, against a server that behaves like GitHub's API: what is sent, what is
//! found again, what is kept back, and what happens when the service does not work.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of a test fail by panicking.

mod github_world;
mod run_world;

use std::time::Duration;

use github_world::{GitHub, TOKEN, Trick};
use run_world::{Ran, RunWorld, Spec};
use serde_json::Value;

/// A node whose check fails, with a line that differs from run to run.
const FAILING: Spec = Spec("A", "echo a > A.txt", "sh -c 'echo error: boom at $$; exit 3'", &[]);

/// A world whose runs fail at once, without an agent's diagnosis.
fn world(audit: &str) -> RunWorld {
    let world = RunWorld::new(&[FAILING]);
    configure(&world, audit);
    world
}

fn configure(world: &RunWorld, audit: &str) {
    let path = world.root().join("audit.kdl");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.split("\n// more\n").next().unwrap().to_owned();
    world.write("audit.kdl", &format!("{text}\n// more\nremediation 0\naudit {{\n{audit}\n}}\n"));
    world.commit("settings");
}

fn quiet() -> RunWorld {
    world("diagnose #false")
}

/// Runs with what CI sets, and more.
fn run_with(world: &RunWorld, github: &GitHub, more: &[(&str, &str)]) -> Ran {
    let mut command = world.auditrun(&["run"]);
    command.envs(github.variables()).envs(more.iter().copied());
    command.output().unwrap().into()
}

fn run(world: &RunWorld, github: &GitHub) -> Ran {
    run_with(world, github, &[])
}

fn decision(world: &RunWorld, nth: usize) -> Value {
    world.json("audit/issue.json")["issues"][nth].clone()
}

#[test]
fn a_failure_is_one_issue_however_often_it_comes() {
    let (world, github) = (quiet(), GitHub::start());
    run(&world, &github).expect(4);
    let issues = github.issues();
    assert_eq!(issues.len(), 1, "{:?}", github.calls());
    let body = issues[0]["body"].as_str().unwrap().to_owned();
    for part in [
        "<!-- auditrun:fingerprint=",
        "## Error summary",
        "## Root cause",
        "## Remediation steps",
        "## Prevention",
        "[Workflow run](https://github.example/owner/name/actions/runs/77)",
        "<summary>Full audit report</summary>",
        "# Audit of run",
    ] {
        assert!(body.contains(part), "{part}:\n{body}");
    }
    let names: Vec<&str> =
        issues[0]["labels"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["agent-failure", "agent:fake"]);
    assert_eq!(github.labels(), ["agent-failure", "agent:fake"]);
    let told = decision(&world, 0);
    assert_eq!((told["action"].as_str(), told["number"].as_u64()), (Some("created"), Some(1)));
    assert!(world.text("audit/report.md").contains("## Failure issue"));
    assert!(!world.out("audit/issue.md").exists());

    // The same stage again says nothing twice; the same failure in another run is no twin.
    let again = world.auditrun(&["report"]).envs(github.variables()).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!((github.issues().len(), github.comments().len()), (1, 0));
    run(&world, &github).expect(4);
    let body = github.issues()[0]["body"].as_str().unwrap().to_owned();
    assert_eq!(github.issues().len(), 1);
    assert_eq!(body.lines().filter(|l| l.starts_with("| `20")).count(), 2, "a row for each run:\n{body}");
    assert_eq!(github.comments().len(), 1);
    assert!(github.comments()[0].1.contains("It happened again"));
    assert_eq!(decision(&world, 0)["action"], "commented");
}

#[test]
fn an_open_issue_is_found_on_a_later_page_and_without_labels() {
    let (world, github) = (quiet(), GitHub::start());
    run(&world, &github).expect(4);
    for n in 0..7 {
        github.put_issue(&format!("other {n}"), "of somebody");
    }
    github.page_size(2);
    run(&world, &github).expect(4);
    assert_eq!(github.issues().len(), 8);
    assert_eq!(github.comments().len(), 1);
    let pages = github.calls().iter().filter(|c| *c == "GET /repos/owner/name/issues").count();
    assert_eq!(pages, 1 + 4, "{:?}", github.calls());
}

#[test]
fn nothing_is_sent_without_a_name_and_a_token() {
    let (world, github) = (quiet(), GitHub::start());
    for missing in ["GITHUB_REPOSITORY", "GITHUB_TOKEN"] {
        let mut command = world.auditrun(&["run"]);
        command.envs(github.variables()).env_remove(missing);
        Ran::from(command.output().unwrap()).expect(4);
        assert_eq!(github.calls(), Vec::<String>::new(), "without {missing}");
        let told = decision(&world, 0);
        assert_eq!(
            (told["action"].as_str(), told["file"].as_str()),
            (Some("unsent"), Some("audit/issue.md"))
        );
        assert!(world.text("audit/issue.md").contains("## Error summary"));
        let report = world.text("audit/report.md");
        assert!(
            report.contains("gh label create agent-failure --repo")
                && report.contains("gh issue create --repo")
                && report.contains("--body-file docs/audit/audit/issue.md"),
            "{report}"
        );
    }
    // With both, the stage alone sends what was left.
    let sent = world.auditrun(&["report"]).envs(github.variables()).output().unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(github.issues().len(), 1);
    assert!(!world.out("audit/issue.md").exists());
}

#[test]
fn a_service_that_stumbles_is_asked_again() {
    let (world, github) = (quiet(), GitHub::start());
    let list = "/issues";
    github.refuse("GET", list, 502, &[], "Bad Gateway");
    github.trick("GET", list, Trick::Cut);
    github.trick("GET", list, Trick::Half);
    github.refuse(
        "POST",
        "/issues",
        403,
        &[("Retry-After", "0")],
        "You have exceeded a secondary rate limit",
    );
    github.refuse(
        "POST",
        "/issues",
        429,
        &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")],
        "slow down",
    );
    run(&world, &github).expect(4);
    assert_eq!(github.issues().len(), 1, "{:?}", github.calls());
    assert_eq!(decision(&world, 0)["action"], "created");
}

#[test]
fn an_issue_whose_answer_was_lost_is_not_made_twice() {
    let (world, github) = (quiet(), GitHub::start());
    github.trick("POST", "/name/issues", Trick::DoneAndCut);
    run(&world, &github).expect(4);
    assert_eq!(github.issues().len(), 1, "{:?}", github.calls());
    assert_eq!(github.comments().len(), 0);
    assert_eq!(decision(&world, 0)["action"], "created");
}

#[test]
fn refusals_leave_the_issue_in_a_file_and_the_run_as_it_was() {
    let github = GitHub::start();
    let far = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "99999999999")];
    let near: &[(&str, &str)] = &[];
    let cases = [
        ("GET", 404, near, "there is no such repository"),
        ("POST", 410, near, "issues switched off"),
        ("POST", 403, near, "needs write access"),
        ("POST", 403, &far[..], "would take too long"),
        ("GET", 401, near, "the token is not accepted"),
    ];
    let world = quiet();
    for (method, status, headers, said) in cases {
        github.refuse(method, "/name/issues", status, headers, "no");
        let ran = run(&world, &github).expect(4);
        let told = decision(&world, 0);
        assert_eq!(told["action"], "unsent", "{status}");
        assert!(told["why"].as_str().unwrap().contains(said), "{told}");
        assert!(ran.text.contains("the failure issue was not sent"), "{}", ran.text);
        assert!(world.text("audit/issue.md").contains("auditrun:fingerprint="));
    }
    assert_eq!(github.issues().len(), 0);
}

#[test]
fn labels_that_are_refused_cost_the_labels_alone() {
    let (world, github) = (quiet(), GitHub::start());
    github.refuse("POST", "/labels", 403, &[], "Resource not accessible by integration");
    github.refuse("POST", "/name/issues", 422, &[], "Validation Failed");
    let ran = run(&world, &github).expect(4);
    assert_eq!(github.issues().len(), 1);
    assert_eq!(github.issues()[0]["labels"], serde_json::json!([]));
    assert!(ran.text.contains("without labels"), "{}", ran.text);
}

#[test]
fn nobody_there_and_a_slow_service_do_not_hold_the_run_up() {
    let world = quiet();
    let gone = GitHub::start();
    let variables = gone.variables();
    drop(gone);
    let ran = world.auditrun(&["run"]).envs(variables).output().unwrap();
    assert_eq!(ran.status.code(), Some(4));
    assert_eq!(decision(&world, 0)["action"], "unsent");

    // An interrupt while the service does not answer ends the wait.
    let github = GitHub::start();
    github.trick("GET", "/issues", Trick::Slow(Duration::from_secs(120)));
    let child = world.auditrun(&["run"]).envs(github.variables()).spawn().unwrap();
    world.wait_until("GitHub is asked", || !github.calls().is_empty());
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    ran.expect(4);
    assert_eq!(decision(&world, 0)["action"], "unsent");
}

#[test]
fn secrets_are_in_nothing_that_is_sent() {
    let (world, github) = (
        RunWorld::new(&[Spec("A", "echo a > A.txt", "sh -c 'echo error: key hunter2-hunter2; exit 3'", &[])]),
        GitHub::start(),
    );
    configure(&world, "diagnose #false");
    run_with(&world, &github, &[("MY_API_KEY", "hunter2-hunter2")]).expect(4);
    assert_eq!(github.issues().len(), 1);
    assert!(!github.sent().contains("hunter2-hunter2") && !github.sent().contains(TOKEN));
    assert!(
        github.sent().contains("error: key \\\\*\\\\*\\\\*") || github.sent().contains("***"),
        "{}",
        github.sent()
    );
}

#[test]
fn many_failures_of_one_run_are_one_issue() {
    let world = RunWorld::new(&[
        Spec("A", "echo a > A.txt", "sh -c 'echo error: one; exit 1'", &[]),
        Spec("B", "echo b > B.txt", "sh -c 'echo error: two; exit 1'", &[]),
        Spec("C", "echo c > C.txt", "sh -c 'echo error: three; exit 1'", &[]),
        Spec("D", "echo d > D.txt", "sh -c 'echo error: four; exit 1'", &[]),
        Spec("E", "echo e > E.txt", "sh -c 'echo error: five; exit 1'", &[]),
        Spec("F", "echo f > F.txt", "sh -c 'echo error: six; exit 1'", &[]),
        Spec("G", "echo g > G.txt", "true", &["F"]),
    ]);
    configure(&world, "diagnose #false");
    let github = GitHub::start();
    let all = |args: &[&str]| Ran::from(world.auditrun(args).envs(github.variables()).output().unwrap());
    all(&["run", "-k", "-j", "6"]).expect(4);
    let issues = github.issues();
    assert_eq!(issues.len(), 1, "{:?}", github.calls());
    let body = issues[0]["body"].as_str().unwrap();
    assert_eq!(body.matches("<!-- auditrun:fingerprint=").count(), 6, "what only followed is not among them");
    all(&["run", "-k", "-j", "6"]).expect(4);
    assert_eq!((github.issues().len(), github.comments().len()), (1, 1));
}

#[test]
fn passing_trouble_makes_an_issue_in_its_third_run() {
    let world = RunWorld::new(&[Spec("A", "echo rate limit exceeded >&2; exit 75", "true", &[])]);
    let path = world.root().join("audit.kdl");
    let text =
        std::fs::read_to_string(&path).unwrap().replace("default=#true {", "default=#true {\n    retries 0");
    world.write("audit.kdl", &text);
    configure(&world, "diagnose #false");
    let github = GitHub::start();
    for nth in 1..=3 {
        run(&world, &github).expect(5);
        let told = decision(&world, 0);
        let wanted = if nth < 3 { "waiting" } else { "created" };
        assert_eq!(told["action"], wanted, "run {nth}: {told}");
        assert_eq!(github.issues().len(), usize::from(nth == 3));
    }
}

#[test]
fn an_agent_s_own_settings_override_the_global_ones() {
    let world = quiet();
    let path = world.root().join("audit.kdl");
    let text = std::fs::read_to_string(&path).unwrap();
    let own = "default=#true {\n    audit { create-issues #true; issue-labels \"team:own\" }";
    world.write("audit.kdl", &text.replace("default=#true {", own));
    configure(&world, "diagnose #false\ncreate-issues #false\nissue-labels \"team:all\"");
    let github = GitHub::start();
    run(&world, &github).expect(4);
    assert_eq!(github.labels(), ["agent-failure", "agent:fake", "team:own"]);
    let off = world.root().join("audit.kdl");
    let text =
        std::fs::read_to_string(&off).unwrap().replace("create-issues #true; ", "create-issues #false; ");
    world.write("audit.kdl", &text);
    world.commit("off");
    run(&world, &github).expect(4);
    assert_eq!((github.issues().len(), github.comments().len()), (1, 0));
    assert!(!world.out("audit/issue.json").exists() && !world.out("audit/issue.md").exists());
}

#[test]
fn a_green_run_closes_what_it_was_asked_to_close() {
    let (world, github) = (quiet(), GitHub::start());
    run(&world, &github).expect(4);
    github.put_issue("of another bundle", "<!-- auditrun:fingerprint=0000000000000000000000000000000000000000000000000000000000000000 -->\n<!-- auditrun:bundle=elsewhere -->");
    world.bundle(&[Spec("A", "echo a > A.txt", "test -f A.txt", &[])], "");
    configure(&world, "diagnose #false");
    run(&world, &github).expect(0);
    assert_eq!(github.issues()[0]["state"], "open", "close-on-green is off by default");
    configure(&world, "diagnose #false\nclose-on-green #true");
    run(&world, &github).expect(0);
    assert_eq!(github.issues()[0]["state"], "closed");
    assert_eq!(github.issues()[1]["state"], "open");
    let head = world.git(&["rev-parse", &world.branch().unwrap()]);
    assert!(github.comments()[0].1.contains(&head), "{:?}", github.comments());
    assert_eq!(decision(&world, 0)["action"], "closed");
}

/// A `gh` that answers as the real one does with `api --include`, from files that the test lays
/// out, and keeps what it was asked. Ends badly if it is given the token that the API has.
const FAKE_GH: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
[ -z "$GITHUB_TOKEN" ] || exit 9
case "$*" in *"--input -"*) cat > "$here/input" ;; esac
method= path=
while [ $# -gt 0 ]; do
    case "$1" in --method) method=$2; shift ;; --input | --hostname) shift ;; *) path=$1 ;; esac
    shift
done
say() { printf 'HTTP/2.0 %s X\r\nContent-Type: application/json\r\n\r\n%s' "$1" "$2"; }
case "$method $path" in
"GET repos/owner/name/issues?"*) say 200 "$(cat "$here/list")" ;;
"GET repos/owner/name/labels/"*) say 404 '{"message":"Not Found"}'; exit 1 ;;
"POST repos/owner/name/labels") say 201 '{}' ;;
"POST repos/owner/name/issues")
    mv "$here/input" "$here/created"
    say 201 '{"number":5,"html_url":"https://github.example/owner/name/issues/5","title":"t","body":"b"}' ;;
"PATCH repos/owner/name/issues/5") mv "$here/input" "$here/changed"; say 200 '{}' ;;
"POST repos/owner/name/issues/5/comments") mv "$here/input" "$here/comment"; say 201 '{}' ;;
*) say 500 '{}'; exit 1 ;;
esac
"#;

#[test]
fn gh_is_used_for_a_repository_that_audit_kdl_names_and_for_no_other() {
    let (world, github) = (quiet(), GitHub::start());
    let bin = world.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("gh"), FAKE_GH).unwrap();
    std::fs::write(bin.join("list"), "[]").unwrap();
    std::fs::set_permissions(bin.join("gh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let kept =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(bin.join(name)).unwrap()).unwrap() };
    let by_gh = |more: &[(&str, &str)]| {
        let mut command = world.auditrun(&["run"]);
        command.env("PATH", &path).envs(more.iter().copied());
        Ran::from(command.output().unwrap()).expect(4)
    };
    by_gh(&[("GITHUB_REPOSITORY", "owner/name")]);
    assert!(!bin.join("calls").exists(), "the environment's word is not enough for gh");

    configure(&world, "diagnose #false\nrepository \"owner/name\"");
    by_gh(&[]);
    let issue = kept("created");
    assert!(issue["body"].as_str().unwrap().contains("## Error summary"), "{issue}");
    assert_eq!(world.json("audit/issue.json")["via"], "gh");
    assert_eq!(decision(&world, 0)["url"], "https://github.example/owner/name/issues/5");
    let calls = std::fs::read_to_string(bin.join("calls")).unwrap();
    assert!(!calls.contains("Error summary"), "texts are no arguments: {calls}");

    // After the API has refused its token; what is open is found by gh, too.
    let open = serde_json::json!([{ "number": 5, "html_url": "u", "title": "t", "body": issue["body"] }]);
    std::fs::write(bin.join("list"), open.to_string()).unwrap();
    by_gh(&[("GITHUB_TOKEN", "an-old-token"), ("GITHUB_API_URL", &github.url())]);
    assert_eq!(github.calls().len(), 1, "{:?}", github.calls());
    assert_eq!(decision(&world, 0)["action"], "commented");
    assert!(kept("comment")["body"].as_str().unwrap().contains("It happened again"));
    let rows = kept("changed")["body"].as_str().unwrap().matches("\n| `20").count();
    assert_eq!(rows, 2);
}
