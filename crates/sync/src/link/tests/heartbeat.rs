//! Whether the server is still there.

use super::*;

#[test]
fn a_silent_server_is_pinged_and_after_as_much_silence_again_given_up() {
    let mut link = TestLink::live();
    assert_eq!(link.due_in(), Some(15_000));
    assert_eq!(link.pass(14_999), []);
    assert_eq!(link.pass(1), [Effect::Ping]);
    assert_eq!(link.due_in(), Some(15_000));
    assert_eq!(link.pass(14_999), []);
    let lost = [Effect::Drop, Effect::Disconnected, troubled("the server has gone silent")];
    assert_eq!(link.pass(1)[..3], lost);
    assert!(matches!(link.link.state(), ConnectionState::Waiting { .. }));
}

#[test]
fn whatever_is_heard_puts_it_off() {
    let unknown = binary(Frame::Leave { sender: server() }.encode());
    for life in [Input::Heard, unknown] {
        let mut link = TestLink::live();
        link.pass(15_000);
        link.ms += 14_000;
        assert_eq!(link.input(life), []);
        assert_eq!(link.due_in(), Some(15_000));
        assert_eq!(link.pass(15_000), [Effect::Ping]);
    }
}

#[test]
fn after_a_long_sleep_the_server_is_asked_before_it_is_given_up() {
    let mut link = TestLink::live();
    assert_eq!(link.pass(8 * 3_600_000), [Effect::Ping]);
    assert_eq!(link.due_in(), Some(15_000));
}

#[test]
fn a_change_of_networks_probes_the_connection() {
    let mut link = TestLink::live();
    link.ms += 3_000;
    assert_eq!(link.input(Input::NetworkChanged), [Effect::Ping]);
    assert_eq!(link.due_in(), Some(5_000));
    assert_eq!(link.input(Input::Heard), []);
    assert_eq!(link.due_in(), Some(15_000), "it lives");
    link.input(Input::NetworkChanged);
    assert!(link.pass(5_000).contains(&Effect::Disconnected), "it does not");
}

#[test]
fn networks_that_keep_changing_do_not_keep_a_dead_connection() {
    let mut link = TestLink::live();
    link.input(Input::NetworkChanged);
    for _ in 0..4 {
        link.ms += 1_000;
        assert_eq!(link.input(Input::NetworkChanged), [Effect::Ping]);
    }
    assert!(link.pass(1_000).contains(&Effect::Disconnected));
}
