//! The program's exit code, nothing else.

use std::process::ExitCode;

use auditrun::cli::exit::Exit;

fn main() -> ExitCode {
    // A supervisor is this binary started again: it must be ready at once, before anything else.
    if let Some(code) = auditrun::process::supervise::main_if_asked() {
        return code;
    }
    // A panic is a bug, and bugs have their exit code; the message is printed by then.
    let ended = std::panic::catch_unwind(|| auditrun::cli::main(std::env::args_os()));
    ended.unwrap_or(Exit::Internal).into()
}
