//! Convergence under faults, by seed. A failing seed is repeated by the command that it prints.

mod sdk;
mod stock;

use tiebreak_tests::simulation::{Plan, World};

const SEEDS: u64 = 60;

/// Runs a plan with many seeds; `test` is the test's path in this binary.
fn run_seeds(test: &str, plan: Plan) {
    let only: Option<u64> = std::env::var("TIEBREAK_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(0..SEEDS, |seed| seed..seed + 1);
    for seed in seeds {
        let run = std::panic::catch_unwind(|| World::new(seed, plan).run());
        assert!(
            run.is_ok(),
            "seed {seed} failed; repeat it with: TIEBREAK_SEED={seed} cargo test -p tiebreak-tests --test it {test}"
        );
    }
}
