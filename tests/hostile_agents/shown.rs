//! What an agent prints is shown in many places, and obeyed or leaked in none.

use std::path::Path;

use crate::world::{World, both};

const TOKEN: &str = "tok-1234567890-abc";

/// Every file below the artifacts but the patches, and what was shown.
fn everything(world: &World, shown: &[(String, String)]) -> Vec<(String, String)> {
    let mut all = shown.to_vec();
    let mut left = vec![world.path("repo/docs/audit")];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.file_name() != Some("diff.patch".as_ref()) {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                all.push((name(world, &path), text));
            }
        }
    }
    all
}

fn name(world: &World, path: &Path) -> String {
    path.strip_prefix(world.path("repo")).unwrap().display().to_string()
}

/// Runs the commands that show something, in both forms where they have them.
fn shown(world: &World, commands: &[&str]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for words in commands {
        let run = world.auditrun(words);
        all.push((format!("{words}: stdout"), run.out));
        all.push((format!("{words}: stderr"), run.err));
    }
    all
}

fn assert_nowhere(all: &[(String, String)], what: &str) {
    let found: Vec<&str> =
        all.iter().filter(|(_, text)| text.contains(what)).map(|(n, _)| n.as_str()).collect();
    assert!(found.is_empty(), "{what:?} stands in {found:?}");
}

/// The secret lies across the ends of what is read at once, in every stream and form.
#[test]
fn a_secret_in_pieces_is_shown_nowhere() {
    let script = r#"
for cut in 1 5 9 17; do
  head -c $((65536 - cut)) /dev/zero | tr '\0' x; printf '%s' "$DEPLOY_TOKEN"
  head -c $((131072 - cut)) /dev/zero | tr '\0' y >&2; printf '%s' "$DEPLOY_TOKEN" >&2
done
printf 'tok-12345'; sleep 0.2; printf '67890-abc\n'
printf '\n{"result": "HALT: it is %s", "session_id": "%s", "cost_usd": 0.1}\n' "$DEPLOY_TOKEN" "$DEPLOY_TOKEN"
"#;
    for mode in both() {
        let world = World::new(mode)
            .env("DEPLOY_TOKEN", TOKEN)
            .kdl("remediation 1\nenv { pass \"DEPLOY_TOKEN\" }\nrecipe \"node\" {\n steps \"\"\"\n worktree enter\n sh -c 'printf tok-1234567890; sleep 0.1; echo -abc; echo $0' $DEPLOY_TOKEN\n agent run\n capture\n gate touches\n gate loc\n gate signal\n check done_when\n check invariants\n commit\n land\n \"\"\"\n}")
            .node("A", script, "true");
        world.prepare();
        let mut all = shown(
            &world,
            &[
                "run --format json",
                "status",
                "status --format json",
                "explain A",
                "graph",
                "clean",
                "resume",
                "list",
                "verify",
                "config show",
            ],
        );
        assert!(world.reason("A").contains("it is ***"), "{}", world.reason("A"));
        all = everything(&world, &all);
        assert_nowhere(&all, TOKEN);
    }
}

#[test]
fn a_gate_shows_no_secret_of_a_check_that_fails_there() {
    for mode in both() {
        let world = World::new(mode).env("DEPLOY_TOKEN", TOKEN).kdl("env { pass \"DEPLOY_TOKEN\" }").node(
            "A",
            "echo ok > A.out",
            "echo $DEPLOY_TOKEN; echo $DEPLOY_TOKEN >&2; ! test -e later",
        );
        assert_eq!(world.run().code, 0);
        world.write("repo/later", "x\n");
        world.git("add later");
        world.git("commit -q -m later");
        let gate = world.auditrun("gate --base main");
        assert_eq!(gate.code, 1, "{}{}", gate.out, gate.err);
        let again =
            shown(&world, &["gate --base main", "gate --base main --format json", "verify --format json"]);
        assert_nowhere(&again, TOKEN);
        assert!(again[0].1.contains("***"), "{}", again[0].1);
    }
}

#[test]
fn markup_and_escapes_are_text_wherever_they_are_shown() {
    let hostile = r#"HALT: \033[2J\033]0;t\007\r\u202e<script>alert(1)</script> | ``` </details> ![x](http://e.vil/x.png) @everyone"#;
    let script = format!("printf '{hostile}\\n'; printf '\\033[31m%s\\n' shown >&2; printf '\\233'");
    for mode in both() {
        let world = World::new(mode).node("A", &script, "true");
        world.prepare();
        let mut all = shown(&world, &["run", "status", "explain A", "graph", "resume"]);
        for name in ["audit/report.md", "audit/report.html", "audit-report.md"] {
            if world.path(&format!("repo/docs/audit/{name}")).exists() {
                all.push((name.to_owned(), world.artifact(name)));
            }
        }
        assert!(all.iter().any(|(name, text)| name == "audit/report.html" && text.contains("alert")));
        for control in ["\u{1b}", "\u{7}", "\u{9b}", "\u{202e}", "\r"] {
            assert_nowhere(&all, control);
        }
        let pages: Vec<_> = all.into_iter().filter(|(name, _)| name.starts_with("audit")).collect();
        assert_nowhere(&pages, "<script>alert");
        let markdown: Vec<_> = pages.into_iter().filter(|(name, _)| name.ends_with(".md")).collect();
        assert_nowhere(&markdown, "![x](http");
        assert_nowhere(&markdown, " @everyone");
    }
}
