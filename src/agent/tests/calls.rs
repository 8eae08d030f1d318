//! How each adapter is called, for a node and for a read-only role, with and without an
//! enforced sandbox.

use std::fmt::Write;
use std::path::Path;

use super::reports::agent;
use crate::agent::{Call, CallError, Invocation, config_copies, config_vars, invocation, reports_cost};
use crate::base::text::shell_quote;
use crate::config::{AdapterKind, Agent, PromptVia, Role};

fn call<'a>(agent: &'a Agent, role: Role, sandboxed: bool) -> Call<'a> {
    Call {
        agent,
        role,
        prompt: b"- add a file",
        prompt_file: Path::new("/tmp/p/prompt.md"),
        cwd: Path::new("/a tree"),
        sandboxed,
        config_home: None,
    }
}

fn shown(invocation: &Invocation) -> String {
    let mut line = String::new();
    for (name, value) in &invocation.env {
        let _ = write!(line, "{}={} ", name.to_string_lossy(), shell_quote(&value.to_string_lossy()));
    }
    line.push_str(&invocation.program.to_string_lossy());
    for arg in &invocation.args {
        let _ = write!(line, " {}", shell_quote(&arg.to_string_lossy()));
    }
    if invocation.prompt_on_stdin {
        line.push_str(" < prompt");
    }
    line
}

#[test]
fn every_adapter_is_called_as_documented() {
    let mut text = String::new();
    for kind in AdapterKind::ALL {
        let agent = agent(kind);
        for (role, sandboxed) in
            [(Role::Node, true), (Role::Node, false), (Role::Resolver, true), (Role::Resolver, false)]
        {
            let line = shown(&invocation(&call(&agent, role, sandboxed)).unwrap());
            let _ =
                writeln!(text, "{} {}: {line}", role.name(), if sandboxed { "inside" } else { "outside" });
        }
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

#[test]
fn model_and_arguments_of_the_definition_come_before_the_prompt() {
    let mut text = String::new();
    for kind in AdapterKind::ALL {
        for via in [PromptVia::Stdin, PromptVia::File, PromptVia::Arg] {
            let mut agent = agent(kind);
            agent.model = Some(super::reports::setting("m-1".to_owned()));
            agent.args = vec!["--max-turns".into(), "60".into()];
            agent.prompt = via;
            let line = shown(&invocation(&call(&agent, Role::Node, false)).unwrap());
            let _ = writeln!(text, "{via:?}: {line}");
        }
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_prompt_that_no_argument_can_hold_is_refused() {
    for kind in AdapterKind::ALL {
        let mut agent = agent(kind);
        agent.prompt = PromptVia::Arg;
        let long = vec![b'x'; 131_072];
        let refused = invocation(&Call { prompt: &long, ..call(&agent, Role::Node, true) });
        assert_eq!(refused, Err(CallError::PromptTooLong(131_072)), "{}", kind.name());
        let fits = invocation(&Call { prompt: &long[..131_000], ..call(&agent, Role::Node, true) });
        let fits = fits.unwrap();
        assert!(!fits.prompt_on_stdin);
        assert!(fits.args.last().unwrap().len() >= 131_000);
        let nul = invocation(&Call { prompt: b"a\0b", ..call(&agent, Role::Node, true) });
        assert_eq!(nul, Err(CallError::PromptHasNul));
        agent.prompt = PromptVia::Stdin;
        assert!(invocation(&Call { prompt: &long, ..call(&agent, Role::Node, true) }).is_ok());
    }
}

#[test]
fn a_prompt_that_is_not_utf_8_arrives_as_it_is() {
    use std::os::unix::ffi::OsStrExt;
    let mut agent = agent(AdapterKind::Exec);
    agent.prompt = PromptVia::Arg;
    let made = invocation(&Call { prompt: b"\xff!", ..call(&agent, Role::Node, true) }).unwrap();
    assert_eq!(made.args.last().unwrap().as_bytes(), b"\xff!");
}

#[test]
fn a_private_home_is_pointed_to_and_filled() {
    let mut text = String::new();
    for kind in AdapterKind::ALL {
        let agent = agent(kind);
        let home = Path::new("/tmp/home");
        let with = invocation(&Call { config_home: Some(home), ..call(&agent, Role::Node, true) }).unwrap();
        for (name, value) in config_vars(kind, home) {
            assert!(with.env.contains(&(name.clone(), value.clone())));
            let _ = writeln!(text, "{}: {}={}", kind.name(), name.display(), value.display());
        }
        for copy in config_copies(kind) {
            assert!(copy.from.is_relative() && copy.to.is_relative());
            let _ = writeln!(text, "{}: ~/{} -> {}", kind.name(), copy.from.display(), copy.to.display());
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn only_what_streams_has_deadlines_for_silence() {
    for kind in AdapterKind::ALL {
        let agent = agent(kind);
        let streams = invocation(&call(&agent, Role::Node, true)).unwrap().streams;
        assert_eq!(streams, !matches!(kind, AdapterKind::Exec | AdapterKind::Aider), "{}", kind.name());
    }
}

#[test]
fn a_budget_in_usd_needs_a_price_for_those_that_tell_no_cost() {
    let silent: Vec<_> = AdapterKind::ALL.into_iter().filter(|kind| !reports_cost(*kind)).collect();
    assert_eq!(silent, [AdapterKind::Codex, AdapterKind::Gemini, AdapterKind::Cursor]);
}
