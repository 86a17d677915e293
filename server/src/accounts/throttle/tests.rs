use super::*;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const SECOND: Duration = Duration::from_secs(1);

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(number).into()
}

/// Wrong guesses on `ada`, each from an address of its own, one every `pace`; how many were looked at.
fn guess(throttle: &mut Throttle, guesses: u32, pace: Duration) -> u32 {
    let mut hashes = 0;
    for number in 0..guesses {
        let now = pace * number;
        if throttle.allow(now, "ada", address(number)).is_ok() {
            throttle.failed(now, "ada", address(number));
            hashes += 1;
        }
    }
    hashes
}

/// Wrong guesses on `ada`, all from one address and at once.
fn guess_from_one(throttle: &mut Throttle, guesses: u32) {
    for _ in 0..guesses {
        assert_eq!(throttle.allow(Duration::ZERO, "ada", address(1)), Ok(()));
        throttle.failed(Duration::ZERO, "ada", address(1));
    }
}

#[test]
fn of_ten_thousand_guesses_hardly_any_is_looked_at() {
    for pace in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(60), SECOND] {
        let hashes = guess(&mut Throttle::default(), 10_000, pace);
        assert!(
            (FREE_ATTEMPTS_OF_ALL..=FREE_ATTEMPTS_OF_ALL + 22).contains(&hashes),
            "{hashes} hashes at one guess every {pace:?}"
        );
    }
}

#[test]
fn guesses_that_are_all_under_way_at_once_are_counted_too() {
    let mut throttle = Throttle::default();
    let allowed = (0..10_000).filter(|&n| throttle.allow(SECOND, "ada", address(n)).is_ok()).count();
    assert_eq!(allowed, FREE_ATTEMPTS_OF_ALL as usize);
}

#[test]
fn the_owner_gets_in_after_the_delay_and_then_the_account_starts_afresh() {
    let mut throttle = Throttle::default();
    guess(&mut throttle, 10_000, SECOND);
    let now = SECOND * 10_000;
    let Err(Wait(delay)) = throttle.allow(now, "ada", address(1)) else {
        panic!("the account is under attack")
    };
    assert!(delay <= DELAY_MAX);
    assert_eq!(throttle.allow(now + delay, "ada", address(1)), Ok(()));
    throttle.succeeded(now + delay, "ada", address(1));
    for _ in 0..FREE_ATTEMPTS {
        assert_eq!(throttle.allow(now + delay, "ada", address(1)), Ok(()));
    }
}

#[test]
fn the_delay_doubles() {
    let mut throttle = Throttle::default();
    guess_from_one(&mut throttle, FREE_ATTEMPTS);
    let mut now = Duration::ZERO;
    for seconds in [1, 2, 4, 8, 16] {
        assert_eq!(throttle.allow(now, "ada", address(1)), Err(Wait(SECOND * seconds)));
        now += SECOND * seconds;
        assert_eq!(throttle.allow(now, "ada", address(1)), Ok(()));
        throttle.failed(now, "ada", address(1));
    }
}

#[test]
fn the_delay_begins_when_the_wrong_guess_has_been_looked_at() {
    let mut throttle = Throttle::default();
    guess_from_one(&mut throttle, FREE_ATTEMPTS);
    throttle.failed(SECOND * 10, "ada", address(1));
    assert_eq!(throttle.allow(SECOND * 10, "ada", address(1)), Err(Wait(DELAY_FIRST)));
}

#[test]
fn one_account_under_attack_does_not_slow_down_another() {
    let mut throttle = Throttle::default();
    guess(&mut throttle, 1_000, Duration::ZERO);
    assert_eq!(throttle.allow(Duration::ZERO, "eda", address(1)), Ok(()));
}

#[test]
fn a_day_without_attempts_makes_good() {
    let mut throttle = Throttle::default();
    guess(&mut throttle, 1_000, SECOND);
    let now = SECOND * 1_000 + FORGET_AFTER;
    for _ in 0..FREE_ATTEMPTS {
        assert_eq!(throttle.allow(now, "ada", address(1)), Ok(()));
    }
}

#[test]
fn an_attempt_that_was_not_looked_at_costs_nothing() {
    let mut throttle = Throttle::default();
    for _ in 0..10 * ADDRESS_BURST {
        assert_eq!(throttle.allow(SECOND, "ada", address(1)), Ok(()));
        throttle.unchecked(SECOND, "ada", address(1));
    }
}

#[test]
fn right_passwords_cost_an_address_nothing() {
    let mut throttle = Throttle::default();
    for number in 0..10 * ADDRESS_BURST {
        let name = format!("user{number}");
        assert_eq!(throttle.allow(SECOND, &name, address(1)), Ok(()));
        throttle.succeeded(SECOND, &name, address(1));
    }
}

/// Fails on so many accounts, each its own; how often that was allowed.
fn spray(throttle: &mut Throttle, now: Duration, address: impl Fn(u32) -> IpAddr) -> u32 {
    let mut allowed = 0;
    for number in 0..2 * ADDRESS_BURST {
        let name = format!("user{number}");
        if throttle.allow(now, &name, address(number)).is_ok() {
            throttle.failed(now, &name, address(number));
            allowed += 1;
        }
    }
    allowed
}

#[test]
fn one_address_may_not_try_all_accounts() {
    let mut throttle = Throttle::default();
    assert_eq!(spray(&mut throttle, SECOND, |_| address(1)), ADDRESS_BURST);
    assert_eq!(throttle.allow(SECOND, "ada", address(1)), Err(Wait(ADDRESS_PERIOD)));
    assert_eq!(throttle.allow(SECOND + ADDRESS_PERIOD, "ada", address(1)), Ok(()));
    assert_eq!(throttle.allow(SECOND, "eda", address(2)), Ok(()));
}

#[test]
fn an_ipv6_subscriber_is_one_address_however_many_it_uses() {
    let base = u128::from(0x2001_0db8_0000_0001_u64) << 64;
    let of_one = |number: u32| Ipv6Addr::from_bits(base + u128::from(number)).into();
    let of_many = |number: u32| Ipv6Addr::from_bits(base + (u128::from(number) << 64)).into();
    assert_eq!(spray(&mut Throttle::default(), SECOND, of_one), ADDRESS_BURST);
    assert_eq!(spray(&mut Throttle::default(), SECOND, of_many), 2 * ADDRESS_BURST);
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_the_same_address() {
    let mapped = |number: u32| -> IpAddr {
        let address = Ipv4Addr::new(192, 0, 2, 1);
        if number.is_multiple_of(2) { address.into() } else { address.to_ipv6_mapped().into() }
    };
    assert_eq!(spray(&mut Throttle::default(), SECOND, mapped), ADDRESS_BURST);
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first() {
    let mut throttle = Throttle::default();
    guess_from_one(&mut throttle, FREE_ATTEMPTS);
    for number in 0..u32::try_from(ACCOUNTS_MAX).unwrap() - 1 {
        assert_eq!(throttle.allow(Duration::ZERO, &format!("user{number}"), address(number)), Ok(()));
    }
    assert!(throttle.allow(Duration::ZERO, "ada", address(1)).is_err(), "still remembered");
    assert_eq!(throttle.allow(Duration::ZERO, "one more", address(u32::MAX)), Ok(()));
    assert_eq!((throttle.accounts.len(), throttle.addresses.len()), (ACCOUNTS_MAX, ADDRESSES_MAX));
    assert!(throttle.allow(Duration::ZERO, "ada", address(1)).is_ok(), "forgotten");
}

#[test]
fn what_is_over_leaves_memory_by_itself() {
    let mut throttle = Throttle::default();
    spray(&mut throttle, Duration::ZERO, address);
    assert_eq!(throttle.allow(FORGET_AFTER, "ada", address(1)), Ok(()));
    assert_eq!((throttle.accounts.len(), throttle.addresses.len()), (1, 1));
}

#[test]
fn who_guesses_from_one_place_makes_that_place_wait_and_no_other() {
    let mut throttle = Throttle::default();
    guess_from_one(&mut throttle, FREE_ATTEMPTS);
    assert!(throttle.allow(Duration::ZERO, "ada", address(1)).is_err());
    assert_eq!(throttle.allow(Duration::ZERO, "ada", address(2)), Ok(()));
}

#[test]
fn guesses_from_everywhere_do_not_keep_an_owner_out_where_it_has_been_before() {
    let (mut throttle, home) = (Throttle::default(), address(u32::MAX));
    assert_eq!(throttle.allow(SECOND, "ada", home), Ok(()));
    throttle.succeeded(SECOND, "ada", home);
    for number in 0..10_000 {
        let now = SECOND * number;
        if throttle.allow(now, "ada", address(number)).is_ok() {
            throttle.failed(now, "ada", address(number));
        }
        if number % 100 == 0 {
            assert_eq!(throttle.allow(now, "ada", home), Ok(()), "after {number} guesses");
            throttle.succeeded(now, "ada", home);
        }
    }
}

#[test]
fn a_right_password_makes_no_room_for_guesses_from_elsewhere() {
    let mut throttle = Throttle::default();
    guess(&mut throttle, 10_000, SECOND);
    let now = SECOND * 10_000;
    assert!(throttle.allow(now, "ada", address(3)).is_err());
    throttle.succeeded(now, "ada", address(u32::MAX));
    assert!(throttle.allow(now, "ada", address(3)).is_err());
}

#[test]
fn one_place_makes_so_many_accounts_and_then_waits() {
    let mut throttle = Throttle::default();
    for _ in 0..ADDRESS_BURST {
        assert_eq!(throttle.allow_sign_up(SECOND, address(1)), Ok(()));
    }
    assert_eq!(throttle.allow_sign_up(SECOND, address(1)), Err(Wait(ADDRESS_PERIOD)));
    assert_eq!(throttle.allow_sign_up(SECOND + ADDRESS_PERIOD, address(1)), Ok(()));
    assert_eq!(throttle.allow_sign_up(SECOND, address(2)), Ok(()));
    assert_eq!(throttle.allow(SECOND, "ada", address(1)), Ok(()), "who has an account signs in");
}

proptest! {
    #[test]
    fn whoever_waits_as_long_as_told_is_let_in(steps in prop::collection::vec((0..4_u8, 0..3_u8, 0..5_000_u64), 1..300)) {
        let mut throttle = Throttle::default();
        let mut now = Duration::ZERO;
        for (outcome, who, pause_ms) in steps {
            let (name, from) = (format!("user{who}"), address(u32::from(who % 2)));
            now += Duration::from_millis(pause_ms);
            if let Err(Wait(wait)) = throttle.allow(now, &name, from) {
                prop_assert!(wait <= DELAY_MAX);
                now += wait;
                prop_assert_eq!(throttle.allow(now, &name, from), Ok(()));
            }
            match outcome {
                0 => throttle.succeeded(now, &name, from),
                1 => throttle.unchecked(now, &name, from),
                2 => {} // Cut off.
                _ => throttle.failed(now, &name, from),
            }
        }
    }
}
