//! What is known before a script runs.

use super::*;
use crate::diag::{Severity, Source};
use crate::step::parse;

fn read(script: &str) -> (Script, StepText) {
    let text = StepText::plain(&Source::new("audit.kdl", script));
    let (script, problems) = parse(&text);
    assert!(problems.is_empty(), "{:?}", problems.iter().collect::<Vec<_>>());
    (script, text)
}

fn target(script: &str, known: &[&str]) -> Vec<(Severity, String)> {
    let (script, text) = read(script);
    check_target(&script, &text, known).iter().map(|d| (d.severity, d.message.clone())).collect()
}

fn unset_in(script: &str) -> Vec<String> {
    let (script, text) = read(script);
    let diags = unset_variables(&script, &text, &|name| name == "HOME");
    diags.iter().map(|d| d.labels[0].0.text().to_owned()).collect()
}

#[test]
fn node_verbs_are_errors_in_a_target_wherever_they_stand() {
    for (script, verb) in [
        ("gate loc", "gate loc"),
        ("true && land", "land"),
        ("echo $(capture)", "capture"),
        ("! check done_when | cat", "check done_when"),
        ("note hello", "note hello"),
    ] {
        let found = target(script, &[]);
        let message = format!("'{verb}' is a verb of a node: it exists in recipe \"node\" only");
        assert_eq!(found, [(Severity::Error, message)], "{script}");
    }
    assert_eq!(target("command land\necho land\nauditrun gate\ngit commit\n", &[]), []);
}

#[test]
fn slips_of_known_names_are_warned_about() {
    assert_eq!(target("echo $bsae $base $HOME", &["base"])[0].1, "'bsae' is set nowhere here");
    assert_eq!(target("VERSION=1\necho $VERSOIN", &[])[0].0, Severity::Warning);
    assert_eq!(target("echo $BASE $HOME ${bsae:-x}", &["base"]), []);
}

#[test]
fn only_what_is_certainly_expanded_counts_as_unset() {
    assert_eq!(unset_in("echo $A \"x${B}\" $HOME"), ["$A", "${B}"]);
    assert_eq!(unset_in("A=1\nexport B=2\necho $A $B"), [] as [&str; 0]);
    assert_eq!(unset_in("echo $A; A=1"), ["$A"]);
    assert_eq!(unset_in("A=$B C=$A"), ["$B"]);
    assert_eq!(unset_in("A=1 echo $A > $C"), ["$A", "$C"]);
    assert_eq!(unset_in("echo ${A:-$B}"), [] as [&str; 0]);
    assert_eq!(unset_in("true && echo $A"), [] as [&str; 0]);
    assert_eq!(unset_in("test -n \"${A:-}\" || exit 0\necho $A"), [] as [&str; 0]);
    assert_eq!(unset_in("echo $(cat $A)"), ["$A"]);
}

#[test]
fn programs_are_what_is_looked_up() {
    let (script, _) =
        read("cargo build | tee x\ncommand cat y && echo $(git log)\nX=$(sed s/a/b/)\n$RUN it\nland");
    let names: Vec<String> = script.programs().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["cargo", "tee", "cat", "git", "sed"]);
}
