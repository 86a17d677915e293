//! The `tiebreak` binary.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Rooms come and go by the thousand, on whichever thread. This allocator gives what they leave behind back to
/// the system in the background; the C library keeps it, and others wait for the thread that asked for it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    tiebreak_server::cli::run()
}
