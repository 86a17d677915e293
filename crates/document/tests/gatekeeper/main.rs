//! The gatekeeper against the real library, a corpus of bad and good changes, and mutations of both.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod budget;
mod chunk;
mod confined;
mod corpus;
mod damaged;
#[path = "../../fuzz/inputs.rs"]
mod fuzz_inputs;
mod history;
mod honest;
mod messages;
mod mutations;
mod random;
mod rewrite;
mod script;

/// How many cases to try: `default`, unless the environment asks for another number.
fn cases(default: u32) -> u32 {
    std::env::var("GATEKEEPER_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
