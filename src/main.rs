//! The command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    match hookswitch::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("hookswitch: {e}");
            ExitCode::FAILURE
        }
    }
}
