//! Convergence under faults, by seed. A failing seed is repeated by the command that it prints.

use tiebreak_tests::simulation::{Faults, Plan, World};

const SEEDS: u64 = 60;

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

#[test]
fn devices_converge_on_a_good_day() {
    run_seeds(
        "devices_converge_on_a_good_day",
        Plan { devices: 4, documents: 2, steps: 400, faults: Faults::NONE },
    );
}

#[test]
fn devices_converge_though_connections_are_cut_at_any_message() {
    let faults = Faults { cut: 25, ..Faults::NONE };
    run_seeds(
        "devices_converge_though_connections_are_cut_at_any_message",
        Plan { devices: 5, documents: 2, steps: 600, faults },
    );
}

#[test]
fn devices_converge_and_nothing_told_is_lost_though_the_server_is_killed_at_any_step() {
    let faults = Faults { cut: 60, kill: 80, ..Faults::NONE };
    run_seeds(
        "devices_converge_and_nothing_told_is_lost_though_the_server_is_killed_at_any_step",
        Plan { devices: 4, documents: 2, steps: 800, faults },
    );
}

#[test]
fn devices_converge_though_writes_fail_and_messages_are_repeated_and_swapped() {
    let faults = Faults { cut: 60, kill: 200, failed_write: 10, disorder: 10, ..Faults::NONE };
    run_seeds(
        "devices_converge_though_writes_fail_and_messages_are_repeated_and_swapped",
        Plan { devices: 4, documents: 2, steps: 600, faults },
    );
}

#[test]
fn devices_bring_back_what_a_server_restored_from_an_older_backup_has_lost() {
    let faults = Faults { cut: 60, restore: 100, ..Faults::NONE };
    run_seeds(
        "devices_bring_back_what_a_server_restored_from_an_older_backup_has_lost",
        Plan { devices: 4, documents: 2, steps: 800, faults },
    );
}
