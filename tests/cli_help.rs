//! What the program says about itself: help of every command as a snapshot, the manual page,
//! completion scripts, and the examples of the help, which must be real command lines.

#![allow(clippy::unwrap_used)] // Helpers of tests may fail as they do.

use std::process::{Command, Output};

use auditrun::cli::args::Cli;
use clap::{CommandFactory, Parser};

fn auditrun(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_auditrun"))
        .args(args)
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = auditrun(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn subcommands() -> Vec<String> {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|s| !s.is_hide_set());
    shown.map(|s| s.get_name().to_owned()).collect()
}

/// One snapshot for all: a new command shows up in the review of one file.
#[test]
fn help_of_every_command() {
    let mut all = stdout(&["--help"]);
    for name in subcommands() {
        all.push_str(&format!("\n===== {name}\n{}", own_part(&stdout(&[&name, "--help"]))));
    }
    insta::assert_snapshot!(all);
}

/// Without the flags that every command has.
fn own_part(help: &str) -> String {
    help.split("\nCommon:").next().unwrap_or_default().trim_end().to_owned() + "\n"
}

#[test]
fn every_exit_code_is_in_the_help_and_the_manual() {
    let (help, page) = (stdout(&["--help"]), stdout(&["man"]));
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "130"] {
        assert!(help.lines().any(|l| l.trim_start().starts_with(&format!("{code} "))), "{code} in the help");
        assert!(page.lines().any(|l| l.trim_start().starts_with(&format!("{code} "))), "{code} in the page");
    }
}

#[test]
fn the_manual_page_is_roff_and_names_every_command() {
    let page = stdout(&["man"]);
    assert!(page.contains(".TH auditrun 1"), "no title");
    for name in subcommands() {
        assert!(page.contains(&format!(".SH \"AUDITRUN {}\"", name.to_uppercase())), "no section for {name}");
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&["completions", shell]);
        for name in subcommands() {
            assert!(script.contains(&name), "{shell} does not complete {name}");
        }
    }
}

/// Lines that begin with the program's name, cut before the two spaces of their explanation.
#[test]
fn every_example_parses() {
    let mut seen = 0;
    for help in subcommands().iter().map(|n| stdout(&[n, "--help"])).chain([stdout(&["--help"])]) {
        for line in help.lines().filter_map(|l| l.strip_prefix("  auditrun ")) {
            let call = line.split("  ").next().unwrap();
            let args = std::iter::once("auditrun").chain(call.split_whitespace());
            assert!(Cli::try_parse_from(args).is_ok(), "auditrun {call}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "the examples were not found");
}

#[test]
fn wrong_use_is_exit_2_and_says_what_is_known() {
    for args in [
        &["--no-such-flag"][..],
        &["fmt", "--chekc"],
        &["run", "-j", "0"],
        &["run", "--format", "xml"],
        &["run", "--format", "dot"],
        &["lint", "--format", "junit"],
        &["check", "--format", "svg"],
    ] {
        let output = auditrun(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}: diagnostics belong on standard error");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}
