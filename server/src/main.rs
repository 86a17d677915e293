//! The `tiebreak` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    tiebreak_server::cli::run()
}
