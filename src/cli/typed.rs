//! From arguments to a command or to targets. A word that is no subcommand is a target, so
//! a target's name needs no prefix; no target can have a subcommand's name.

use std::ffi::OsString;

use clap::Parser;

use crate::cli::args::{Cli, Common, TargetsCli};
use crate::config::SUBCOMMANDS;

/// What was typed.
pub enum Typed {
    /// A subcommand.
    Command(Box<Cli>),
    /// Targets; no words at all are the target `default`.
    Targets(Box<TargetsCli>),
}

impl Typed {
    /// The flags that every command understands.
    pub fn common_mut(&mut self) -> &mut Common {
        match self {
            Typed::Command(cli) => &mut cli.common,
            Typed::Targets(targets) => &mut targets.common,
        }
    }
}

/// Reads the arguments, the program's name first. Flags may stand before and after words.
///
/// # Errors
/// What clap has to say: a mistake, or the help that was asked for.
pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Typed, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    match TargetsCli::try_parse_from(&args) {
        Ok(targets) if targets.words.first().is_none_or(|word| !is_command(word)) => {
            Ok(Typed::Targets(Box::new(targets)))
        }
        Err(e) if !asks_for_command(&args) => Err(e),
        _ => Ok(Typed::Command(Box::new(Cli::try_parse_from(&args)?))),
    }
}

fn is_command(word: &str) -> bool {
    SUBCOMMANDS.contains(&word) || word == "help"
}

/// True if the arguments, which are not those of targets, are meant for a subcommand, or for
/// none: the program's own help and version.
fn asks_for_command(args: &[OsString]) -> bool {
    let mut words = args.iter().skip(1).filter_map(|a| a.to_str()).filter(|a| !a.starts_with('-'));
    let flags = || args.iter().skip(1).filter_map(|a| a.to_str());
    words.clone().next().is_none() && flags().any(|a| matches!(a, "-h" | "--help" | "-V" | "--version"))
        || words.any(is_command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> String {
        let args = std::iter::once("auditrun").chain(line.split_whitespace()).map(OsString::from);
        match read(args) {
            Ok(Typed::Targets(t)) => format!("targets {:?} force={}", t.words, t.flags.force),
            Ok(Typed::Command(_)) => "command".to_owned(),
            Err(e) => format!("{:?}", e.kind()),
        }
    }

    #[test]
    fn words_that_are_no_subcommands_are_targets_wherever_flags_stand() {
        assert_eq!(read_line(""), "targets [] force=false");
        assert_eq!(read_line("lint a=1 --force"), "targets [\"lint\", \"a=1\"] force=true");
        assert_eq!(read_line("--force -j 3 lint -k"), "targets [\"lint\"] force=true");
        assert_eq!(read_line("run"), "command");
        assert_eq!(read_line("-j2 run"), "command");
        assert_eq!(read_line("gate --base main"), "command");
        assert_eq!(read_line("--bundle x gate --base main"), "command");
    }

    #[test]
    fn help_and_mistakes_belong_to_whom_they_concern() {
        assert_eq!(read_line("--help"), "DisplayHelp");
        assert_eq!(read_line("--version"), "DisplayVersion");
        assert_eq!(read_line("lint --help"), "DisplayHelp");
        assert_eq!(read_line("lint --nope"), "UnknownArgument");
        assert_eq!(read_line("gate --nope"), "UnknownArgument");
        assert_eq!(read_line("help"), "DisplayHelp");
    }
}
