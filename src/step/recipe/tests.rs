//! Every rule of a recipe, broken in every way that comes to mind.

use super::*;
use crate::diag::{Format, Source, render};
use crate::step::parse;

fn diags(script: &str) -> Diags {
    let text = StepText::plain(&Source::new("audit.kdl", script));
    let (script, problems) = parse(&text);
    assert!(problems.is_empty(), "{}", render(&problems, Format::Text { color: false, width: 100 }));
    check(&script, &text, &["node", "critic", "self_auditor"])
}

fn found(script: &str) -> Vec<(String, String)> {
    diags(script).iter().map(|d| (d.code.to_owned(), d.message.clone())).collect()
}

fn good() -> Vec<String> {
    (0..MANDATORY.len()).map(spelled).collect()
}

/// The good recipe with one line replaced.
fn with(line: &str, replacement: &str) -> String {
    good().iter().map(|l| if l == line { replacement } else { l.as_str() }).collect::<Vec<_>>().join("\n")
}

/// The good recipe with a line behind another.
fn after(line: &str, extra: &str) -> String {
    with(line, &format!("{line}\n{extra}"))
}

#[test]
fn the_plain_recipe_holds() {
    assert_eq!(found(&good().join("\n")), []);
    assert_eq!(found(&good().join(" ; ")), []);
    assert_eq!(found(&with("agent run", "'agent' \"run\" --role node --prompt \"prompts/x.md\"")), []);
}

#[test]
fn other_steps_may_stand_between() {
    for extra in [
        "cargo fmt",
        "X=$(git rev-parse HEAD)\necho $X > x",
        "test -f x || fail 'no x'",
        "note done",
        "check \"cargo test\" || note red",
        "FOO=1 cargo build 2>&1 | tee log",
        "auditrun report",
        "auditrun report --format json > r.json",
        "worktree reset",
        "worktree leave",
        "revert",
        "agent run --role critic --prompt c.md",
        "command tee x < y",
        "sh -c 'for i in 1 2; do echo $i; done'",
        "export MY_PATH=x",
        "cd sub",
        "true # exit",
    ] {
        assert_eq!(found(&after("agent run", extra)), [], "{extra}");
    }
}

#[test]
fn each_mandatory_verb_is_there_once_and_in_order() {
    for verb in good() {
        let lacking = found(&good().into_iter().filter(|l| *l != verb).collect::<Vec<_>>().join("\n"));
        assert_eq!(lacking, [("recipe::missing".into(), format!("the recipe lacks '{verb}'"))]);
        let twice = found(&after(&verb, &verb));
        assert_eq!(
            twice,
            [("recipe::repeated".into(), format!("'{verb}' stands in the recipe more than once"))]
        );
    }
    let mut swapped = good();
    swapped.swap(2, 3);
    assert_eq!(
        found(&swapped.join("\n")),
        [(
            "recipe::order".into(),
            "'gate touches' stands before 'capture': the order of the verbs is fixed".into()
        )]
    );
    let empty = found("");
    assert_eq!(empty.len(), MANDATORY.len());
}

#[test]
fn no_verb_can_be_bypassed() {
    for verb in good() {
        for masked in [
            format!("{verb} || true"),
            format!("true || {verb}"),
            format!("{verb} && true"),
            format!("false && {verb}"),
            format!("! {verb}"),
            format!("{verb} | cat"),
            format!("true | {verb}"),
            format!("echo $({verb})"),
            format!("echo \"$({verb})\""),
            format!("echo ${{X:-$({verb})}}"),
            format!("X=$({verb})"),
            format!("X=1 {verb}"),
            format!("{verb} > log"),
            format!("{verb} 2>&1"),
        ] {
            let found = found(&with(&verb, &masked));
            assert_eq!(found.len(), 1, "{masked}: {found:?}");
            assert_eq!(found[0].0, "recipe::not-whole", "{masked}");
            assert!(found[0].1.contains(&format!("'{verb}'")), "{masked}: {found:?}");
        }
        let command = found(&with(&verb, &format!("command {verb}")));
        let forced = command.iter().find(|f| f.0 == "recipe::command-verb");
        assert!(forced.is_some_and(|f| f.1.contains(&verb)), "{command:?}");
    }
}

#[test]
fn words_of_a_verb_are_literal_and_nothing_more() {
    for (line, bad) in [
        ("check done_when", "check $X"),
        ("gate loc", "gate \"$X\""),
        ("gate loc", "gate lo${X:-c}"),
        ("land", "l$X"),
        ("land", "$(echo land)"),
    ] {
        let found = found(&with(line, bad));
        assert!(found.iter().any(|f| f.0 == "recipe::missing" && f.1.contains(line)), "{bad}: {found:?}");
    }
    for (line, bad, code) in [
        ("check done_when", "check done_when --force", "recipe::arguments"),
        ("capture", "capture x", "recipe::arguments"),
        ("agent run", "agent run --role $R", "recipe::not-literal"),
        ("agent run", "agent run --fast", "recipe::arguments"),
        ("commit", "commit $(echo x)", "recipe::not-literal"),
    ] {
        let found = found(&with(line, bad));
        assert_eq!(found.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), [code], "{bad}: {found:?}");
        assert!(found[0].1.contains(line));
    }
}

#[test]
fn what_undermines_the_gates_is_refused() {
    for (bad, code) in [
        ("exit", "recipe::exit"),
        ("exit 0", "recipe::exit"),
        ("test -f x && exit 0", "recipe::exit"),
        ("'exit' 0", "recipe::exit"),
        ("X=$(exit 0)", "recipe::exit"),
        ("$PROMPT", "recipe::command-variable"),
        ("\"$PROMPT\" x", "recipe::command-variable"),
        ("${PROMPT:-land}", "recipe::command-variable"),
        ("echo $($PROMPT)", "recipe::command-variable"),
        ("true && pre$PROMPT", "recipe::command-variable"),
        ("command $PROMPT", "recipe::command-variable"),
        ("PATH=/x", "recipe::assignment"),
        ("PATH=/x cargo build", "recipe::assignment"),
        ("Path=/x", "recipe::assignment"),
        ("export PATH=/x:$PROMPT", "recipe::assignment"),
        ("export \"PATH=/x\"", "recipe::assignment"),
        ("export 'GIT_DIR=/x'", "recipe::assignment"),
        ("export $PROMPT=1", "recipe::assignment"),
        ("GIT_DIR=/x git status", "recipe::assignment"),
        ("NODE_ID=x", "recipe::assignment"),
        ("echo $(BASE=x true)", "recipe::assignment"),
        ("export WORKTREE", "recipe::assignment"),
        ("command echo x", "recipe::command-verb"),
        ("command auditrun report", "recipe::command-verb"),
        ("auditrun", "recipe::auditrun"),
        ("auditrun run", "recipe::auditrun"),
        ("auditrun $PROMPT", "recipe::auditrun"),
        ("echo x | auditrun gate", "recipe::auditrun"),
        ("/usr/bin/auditrun report", "recipe::auditrun"),
        ("./auditrun gate", "recipe::auditrun"),
        ("sh -c 'cd x && auditrun gate'", "recipe::auditrun"),
        ("env auditrun gate", "recipe::auditrun"),
        ("gate locs", "recipe::unknown-verb"),
        ("gate", "recipe::unknown-verb"),
        ("worktree remove", "recipe::unknown-verb"),
        ("fail", "recipe::unknown-verb"),
        ("echo $(note x)", "recipe::not-whole"),
        ("note x | cat", "recipe::not-whole"),
        ("! check 'cargo test'", "recipe::not-whole"),
    ] {
        let found = found(&after("agent run", bad));
        assert_eq!(found.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), [code], "{bad}: {found:?}");
    }
}

#[test]
fn the_messages_name_rule_verb_and_place() {
    let recipe = with("check done_when", "check done_when || true");
    let recipe = recipe.replace("gate loc\n", "exit 0\ngate locs\n").replace("\nland", "");
    let recipe = recipe.replace("commit", "commit\ncommit\nPATH=/tmp/bin\nauditrun clean");
    insta::assert_snapshot!(render(&diags(&recipe), Format::Text { color: false, width: 100 }));
}

#[test]
fn an_agent_of_the_recipe_has_a_role_that_exists() {
    let unknown = |role: &str| ("recipe::unknown-role".to_owned(), format!("there is no role '{role}'"));
    assert_eq!(found(&after("capture", "agent run --role critc")), [unknown("critc")]);
    assert_eq!(found(&after("capture", "agent run --prompt c.md --role x")), [unknown("x")]);
    assert_eq!(found(&after("capture", "agent run --role critic; agent run --role self_auditor")), []);
    let told = diags(&after("capture", "agent run --role critc"));
    assert_eq!(told.iter().next().unwrap().help.as_deref(), Some("did you mean 'critic'?"));
}
