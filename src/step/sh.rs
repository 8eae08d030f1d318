//! What sh has and the step language has not: each construct with the words that say so
//! and what to write instead.

use crate::diag::Diag;

/// A construct of sh.
#[derive(Debug, Clone, Copy)]
pub(super) struct Foreign {
    name: &'static str,
    instead: &'static str,
}

const fn foreign(name: &'static str, instead: &'static str) -> Foreign {
    Foreign { name, instead }
}

pub(super) const ARITHMETIC: Foreign =
    foreign("arithmetic '((…))'", "let a program calculate: NAME=$(expr 1 + 2), or sh -c 'echo $((1 + 2))'");
pub(super) const APPEND_BOTH: Foreign = foreign("'&>>'", "write >> FILE 2>&1");
pub(super) const BACKGROUND: Foreign = foreign(
    "a background job '&'",
    "run the commands one after another, or make two targets of them, which run in parallel; for an '&' in a word put it in quotes",
);
pub(super) const PIPE_BOTH: Foreign = foreign("'|&'", "write 2>&1 |");
pub(super) const HERE_STRING: Foreign = foreign("a here-string '<<<'", "write echo \"…\" | COMMAND");
pub(super) const HERE_DOCUMENT: Foreign = foreign(
    "a here-document '<<'",
    "keep the text in a file and write COMMAND < FILE, or echo \"…\" | COMMAND (a quoted text may span lines)",
);
pub(super) const PROCESS_SUBSTITUTION: Foreign =
    foreign("process substitution '<(…)'", "write the output to a file first, or use bash -c '…'");
pub(super) const READ_WRITE: Foreign = foreign("'<>'", "write < FILE to read or > FILE to write");
pub(super) const CLOBBER: Foreign = foreign("'>|'", "write > FILE, which always overwrites");
pub(super) const DESCRIPTOR: Foreign = foreign(
    "this redirect of a descriptor",
    "there are > >> < 2> 2>> &> 2>&1 and >&2; for a word that ends in a digit put a blank or quotes between",
);
pub(super) const BACKTICK: Foreign =
    foreign("a substitution in backticks", "write $(…); for a backtick itself put it in single quotes");
pub(super) const ARRAY: Foreign = foreign("an array '=(…)'", "use one variable for each value, or a script");
pub(super) const APPEND: Foreign = foreign("'+='", "write the whole value");
pub(super) const SUBSHELL: Foreign = foreign(
    "a subshell '(…)'",
    "write one statement a line; for a folder of its own: sh -c 'cd DIR && …'; for parentheses in a word put them in quotes",
);
pub(super) const FUNCTION: Foreign =
    foreign("a function definition", "make a target or a script of it and call that");

impl Foreign {
    /// The error, with what to write instead.
    pub fn diag(self) -> Diag {
        self.diag_with(self.instead)
    }

    /// The error with a remedy made for the place.
    pub fn diag_with(self, instead: &str) -> Diag {
        Diag::error("step::unsupported", format!("{} does not exist in the step language", self.name))
            .help(instead)
    }
}

/// `$?`, `$1` and their like; `name` is the character after `$`.
pub(super) fn special(name: &str) -> Diag {
    let (what, instead) = match name {
        "?" => (
            "the last exit code",
            "a statement that fails ends the script: write COMMAND && … or COMMAND || … instead",
        ),
        "@" | "*" | "#" => {
            ("the arguments", "a script has none: declare a param of the target and write $NAME")
        }
        "$" => ("the process id", "write $(sh -c 'echo $PPID') if it is really needed"),
        "!" => ("the last background job", "there are no background jobs"),
        "-" => ("the shell's flags", "there are none"),
        _ => ("an argument", "a script has none: declare a param of the target and write $NAME"),
    };
    Diag::error("step::special-variable", format!("'${name}' ({what}) does not exist in the step language"))
        .help(format!("{instead}; for a '$' itself use single quotes"))
}

/// `$'…'` and `$"…"`.
pub(super) fn dollar_quote(quote: char) -> Diag {
    let instead = if quote == '\'' {
        "write the character itself in quotes, or $(printf '…\\n…')"
    } else {
        "write \"…\" without the '$'"
    };
    Diag::error("step::unsupported", format!("'${quote}…{quote}' does not exist in the step language"))
        .help(instead)
}

/// `${NAME…}` with anything but `:-` after the name; `operator` is the rest up to `}`.
pub(super) fn expansion(name: &str, operator: &str) -> Diag {
    let shown = format!("${{{name}{operator}}}");
    if name.is_empty() && operator.is_empty() {
        return Diag::error("step::expansion", "'${}' names no variable").help("write ${NAME}");
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) || (name.is_empty() && operator.len() == 1) {
        return special(if name.is_empty() { operator } else { name });
    }
    let instead = match operator.chars().next() {
        Some('-') => format!("write ${{{name}:-word}}, which also replaces an empty value"),
        Some(':') if operator.starts_with(":=") => {
            format!("write {name}=${{{name}:-word}} on a line of its own")
        }
        Some('=') => format!("write {name}=${{{name}:-word}} on a line of its own"),
        Some('?') => format!("write ${name}: an unset variable is an error anyhow"),
        Some(':') if operator.starts_with(":?") => {
            format!("write test -n \"${{{name}:-}}\" on a line of its own, which ends the script")
        }
        Some(':' | '+') if operator.starts_with(":+") || operator.starts_with('+') => {
            format!("write X=; then test -z \"${{{name}:-}}\" || X=…, each on a line of its own")
        }
        Some('%' | '#') if !name.is_empty() => {
            format!("cut it by a program: NAME=$(echo \"${name}\" | sed 's/…//'), or sh -c '…'")
        }
        Some('/') => format!("replace by a program: NAME=$(echo \"${name}\" | sed 's/a/b/')"),
        _ => "only ${NAME} and ${NAME:-word} exist; what needs more is a script or sh -c '…'".to_owned(),
    };
    Diag::error("step::expansion", format!("'{shown}' does not exist in the step language")).help(instead)
}

/// What a keyword of sh opens, and the word that ends it.
pub(super) struct Block {
    /// Ends the construct; empty for a word that has no end.
    pub closer: &'static str,
    what: &'static str,
    instead: &'static str,
}

/// A keyword of sh at the place of a command.
pub(super) fn keyword(word: &str) -> Option<Block> {
    let (closer, what, instead) = match word {
        "for" | "while" | "until" | "select" => (
            "done",
            "a loop",
            "put the loop in a script and call it, or write it in plain sight: sh -c 'for i in 1 2; do …; done'",
        ),
        "if" => ("fi", "a condition", "write ! test … || COMMAND, or put it in a script"),
        "case" => {
            ("esac", "a condition", "write ! test … = … || COMMAND for each case, or put it in a script")
        }
        "then" | "else" | "elif" | "fi" | "do" | "done" | "esac" | "in" => {
            ("", "a part of a condition or loop", "write ! test … || COMMAND, or sh -c '…'")
        }
        "function" => ("}", "a function definition", "make a target or a script of it and call that"),
        "{" => ("}", "a group", "write one statement a line"),
        "}" => ("", "the end of a group", "write one statement a line; for a '}' itself put it in quotes"),
        "[[" => ("]]", "a condition of bash", "write test …, one condition each, joined by &&"),
        "[" => ("", "a spelling of test", "write test … (without the closing ']')"),
        _ => return None,
    };
    Some(Block { closer, what, instead })
}

impl Block {
    /// The error for `word`.
    pub fn diag(&self, word: &str) -> Diag {
        Diag::error(
            "step::unsupported",
            format!("'{word}' ({}) does not exist in the step language", self.what),
        )
        .help(self.instead)
    }
}

/// Builtins of sh that act on the shell itself: no program could do that.
pub(super) fn builtin(name: &str) -> Option<&'static str> {
    Some(match name {
        "set" => {
            "delete it: a script stops at the first statement that fails, a pipeline fails if a part does, and an unset variable is an error"
        }
        "source" | "." => {
            "call it as a program, or set the variables in audit.kdl: env { … } or dotenv \"FILE\""
        }
        "eval" => "write the command itself, or sh -c '…'",
        "trap" => "what must always run afterwards is a target of its own",
        "local" | "declare" | "typeset" | "let" => "write NAME=value",
        "readonly" => "write NAME=value; nothing else can change it",
        "unset" => "write NAME= for an empty value",
        "alias" | "unalias" => "write the command itself, or make a target of it",
        "exec" => "write the command itself",
        "shift" | "getopts" => "a script has no arguments: declare a param of the target",
        "read" => "write NAME=$(COMMAND)",
        "return" | "break" | "continue" => "write exit, or put the loop or function in a script",
        "wait" | "jobs" | "fg" | "bg" | "disown" => "there are no background jobs: targets run in parallel",
        "umask" | "ulimit" => "put it in front of the command: sh -c 'umask 022; exec COMMAND'",
        "shopt" | "setopt" => "put what needs it in a script",
        "pushd" | "popd" | "dirs" => "write cd DIR",
        "type" | "hash" => "write command NAME to force a program",
        ":" => "write true",
        _ => return None,
    })
}
