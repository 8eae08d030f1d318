//! The program's exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A supervisor is this binary started again: it must be ready at once, before anything else.
    if let Some(code) = auditrun::process::supervise::main_if_asked() {
        return code;
    }
    auditrun::cli::main(std::env::args_os()).into()
}
