//! The program's exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = auditrun::process::supervise::main_if_asked() {
        return code;
    }
    ExitCode::SUCCESS
}
