//! Convergence under faults, by seed. A failing seed is repeated by the command that it prints.

mod sdk;
mod stock;

use tiebreak_tests::simulation::{Plan, World};

/// Seeds of each test; `TIEBREAK_SEEDS` asks for more.
const SEEDS: u64 = 60;

/// Runs a plan with many seeds, or with the one that `TIEBREAK_SEED` names.
fn run_seeds(test: &str, plan: Plan) {
    let number = |name| std::env::var(name).ok().and_then(|seed| seed.parse::<u64>().ok());
    let all = 0..number("TIEBREAK_SEEDS").unwrap_or(SEEDS);
    let seeds = number("TIEBREAK_SEED").map_or(all, |seed| seed..seed + 1);
    for seed in seeds {
        let run = std::panic::catch_unwind(|| World::new(seed, plan).run());
        assert!(
            run.is_ok(),
            "seed {seed} failed; repeat it with: TIEBREAK_SEED={seed} cargo test -p tiebreak-tests --test it {test}"
        );
    }
}
