//! Devices with the SDK's machines: all converge, no answered edit is lost, and the status is true after every step.

use super::run_seeds;
use tiebreak_tests::simulation::{Faults, Plan};

const PLAN: Plan =
    Plan { stock_devices: 0, sdk_devices: 3, places: 10, documents: 3, steps: 1200, faults: Faults::NONE };

#[test]
fn sdk_devices_converge_on_a_good_day() {
    run_seeds("sdk_devices_converge_on_a_good_day", PLAN);
}

#[test]
fn sdk_devices_converge_though_connections_are_cut_at_any_byte_or_swallow_everything() {
    let faults = Faults { cut: 80, half_open: 120, clock_jump: 200, ..Faults::NONE };
    run_seeds(
        "sdk_devices_converge_though_connections_are_cut_at_any_byte_or_swallow_everything",
        Plan { sdk_devices: 5, faults, ..PLAN },
    );
}

#[test]
fn sdk_devices_converge_though_apps_and_the_server_are_killed_at_any_step() {
    let faults =
        Faults { cut: 200, half_open: 300, kill: 150, kill_app: 100, clock_jump: 300, ..Faults::NONE };
    run_seeds(
        "sdk_devices_converge_though_apps_and_the_server_are_killed_at_any_step",
        Plan { faults, ..PLAN },
    );
}

#[test]
fn sdk_devices_converge_though_their_disks_fail() {
    let faults = Faults { cut: 200, kill_app: 200, failed_device_write: 8, failed_write: 30, ..Faults::NONE };
    run_seeds("sdk_devices_converge_though_their_disks_fail", Plan { faults, ..PLAN });
}

#[test]
fn stock_and_sdk_devices_converge_together() {
    let faults =
        Faults { cut: 100, half_open: 300, kill: 300, kill_app: 300, failed_write: 50, ..Faults::NONE };
    run_seeds(
        "stock_and_sdk_devices_converge_together",
        Plan { stock_devices: 2, sdk_devices: 2, documents: 2, faults, ..PLAN },
    );
}

#[test]
fn sdk_devices_bring_back_what_a_server_restored_from_an_older_backup_has_lost() {
    let faults = Faults { cut: 100, kill_app: 300, restore: 150, ..Faults::NONE };
    run_seeds(
        "sdk_devices_bring_back_what_a_server_restored_from_an_older_backup_has_lost",
        Plan { faults, ..PLAN },
    );
}

#[test]
fn sdk_devices_with_one_place_for_five_documents_converge() {
    let faults = Faults { cut: 200, kill_app: 400, kill: 400, ..Faults::NONE };
    run_seeds(
        "sdk_devices_with_one_place_for_five_documents_converge",
        Plan { places: 1, documents: 5, faults, ..PLAN },
    );
}

#[test]
fn sdk_devices_with_two_places_for_five_documents_converge_though_the_server_was_restored() {
    let faults = Faults { cut: 200, half_open: 300, restore: 300, ..Faults::NONE };
    run_seeds(
        "sdk_devices_with_two_places_for_five_documents_converge_though_the_server_was_restored",
        Plan { places: 2, documents: 5, faults, ..PLAN },
    );
}
