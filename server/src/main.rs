//! The `tiebreak` binary.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Rooms come and go by the thousand; the system's allocator keeps what they leave behind.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    tiebreak_server::cli::run()
}
