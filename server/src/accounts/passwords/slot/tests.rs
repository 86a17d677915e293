use super::*;

fn password(text: &str) -> Password {
    Password::presented(text.to_owned()).unwrap()
}

#[test]
fn a_hash_says_how_it_was_made() {
    let stored = Slot::default().hash(&password("xk7-qq2p")).unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
}

#[test]
fn the_right_password_is_right_and_any_other_is_wrong() {
    let mut slot = Slot::default();
    let stored = slot.hash(&password("xk7-qq2p")).unwrap();
    assert_eq!(slot.verify(&password("xk7-qq2p"), Some(&stored)).unwrap(), Verdict::Right);
    assert_eq!(slot.verify(&password("xk7-qq2P"), Some(&stored)).unwrap(), Verdict::Wrong);
    assert_eq!(slot.verify(&password(""), Some(&stored)).unwrap(), Verdict::Wrong);
}

#[test]
fn one_password_never_hashes_to_one_string_twice() {
    let mut slot = Slot::default();
    assert_ne!(slot.hash(&password("xk7-qq2p")).unwrap(), slot.hash(&password("xk7-qq2p")).unwrap());
}

#[test]
fn nobody_s_password_is_wrong_and_takes_a_whole_hash() {
    let mut slot = Slot::default();
    assert_eq!(slot.verify(&password("xk7-qq2p"), None).unwrap(), Verdict::Wrong);
    assert_eq!(slot.blocks.len(), MEMORY_KIB as usize);
}

/// Two test vectors of the reference implementation.
#[test]
fn a_hash_of_other_parameters_is_right_and_to_be_made_again() {
    let mut slot = Slot::default();
    for stored in [
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ] {
        assert_eq!(slot.verify(&password("password"), Some(stored)).unwrap(), Verdict::RightRehash);
        assert_eq!(slot.verify(&password("passwore"), Some(stored)).unwrap(), Verdict::Wrong);
    }
}

#[test]
fn memory_is_used_again_and_a_large_hash_does_not_keep_its_own() {
    let mut slot = Slot::default();
    let large = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    slot.verify(&password("password"), Some(large)).unwrap();
    let stored = slot.hash(&password("xk7-qq2p")).unwrap();
    let place = slot.blocks.as_ptr();
    slot.verify(&password("xk7-qq2p"), Some(&stored)).unwrap();
    assert_eq!((slot.blocks.as_ptr(), slot.blocks.capacity()), (place, MEMORY_KIB as usize));
}

#[test]
fn a_damaged_hash_is_an_error_and_takes_no_gigabytes() {
    for stored in [
        "",
        "xk7-qq2p",
        "$argon2id$v=19$m=19456,t=2,p=1",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=19456,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$scrypt$ln=16,r=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ] {
        let mut slot = Slot::default();
        assert!(slot.verify(&password("password"), Some(stored)).is_err(), "{stored}");
        assert!(!slot.has_worked());
    }
}
