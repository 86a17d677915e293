//! Devices with the library's own sync alone.

use super::run_seeds;
use tiebreak_tests::simulation::{Faults, Plan};

const PLAN: Plan =
    Plan { stock_devices: 4, sdk_devices: 0, places: 0, documents: 2, steps: 600, faults: Faults::NONE };

#[test]
fn devices_converge_on_a_good_day() {
    run_seeds("devices_converge_on_a_good_day", Plan { steps: 400, ..PLAN });
}

#[test]
fn devices_converge_though_connections_are_cut_at_any_message() {
    let faults = Faults { cut: 25, ..Faults::NONE };
    run_seeds(
        "devices_converge_though_connections_are_cut_at_any_message",
        Plan { stock_devices: 5, faults, ..PLAN },
    );
}

#[test]
fn devices_converge_and_nothing_told_is_lost_though_the_server_is_killed_at_any_step() {
    let faults = Faults { cut: 60, kill: 80, ..Faults::NONE };
    run_seeds(
        "devices_converge_and_nothing_told_is_lost_though_the_server_is_killed_at_any_step",
        Plan { steps: 800, faults, ..PLAN },
    );
}

#[test]
fn devices_converge_though_writes_fail_and_messages_are_repeated_and_swapped() {
    let faults = Faults { cut: 60, kill: 200, failed_write: 10, disorder: 10, ..Faults::NONE };
    run_seeds(
        "devices_converge_though_writes_fail_and_messages_are_repeated_and_swapped",
        Plan { faults, ..PLAN },
    );
}

#[test]
fn devices_bring_back_what_a_server_restored_from_an_older_backup_has_lost() {
    let faults = Faults { cut: 60, restore: 100, ..Faults::NONE };
    run_seeds(
        "devices_bring_back_what_a_server_restored_from_an_older_backup_has_lost",
        Plan { steps: 800, faults, ..PLAN },
    );
}
