use super::*;
use proptest::prelude::*;

fn parse(typed: &str) -> Result<Password, InvalidPassword> {
    Password::parse(typed.to_owned(), &Username::parse("ada.lovelace").unwrap())
}

#[test]
fn passwords_of_all_kinds_are_accepted() {
    for typed in
        ["xk7-qq2p", "correct horse battery staple", "пароль-и-ещё", "🎉🎉🎉🎉🎉🎉🎉🎉", " spaces count "]
    {
        assert!(parse(typed).is_ok(), "{typed}: {:?}", parse(typed));
    }
    assert!(parse(&"ab".repeat(PASSWORD_CHARS_MAX / 2)).is_ok());
}

#[test]
fn what_cannot_be_a_password_is_refused_with_the_reason() {
    use InvalidPassword::{Common, Control, Length, Username};
    let long = "a".repeat(PASSWORD_CHARS_MAX + 1);
    let huge = "a".repeat(1 << 20);
    for (typed, reason) in [
        ("", Length),
        ("xk7-qq2", Length),
        (long.as_str(), Length),
        (huge.as_str(), Length),
        // Eight characters as typed, four as everybody sees them.
        ("e\u{301}e\u{301}e\u{301}e\u{301}", Length),
        ("xk7-qq2p\0", Control),
        ("xk7-qq2p\n", Control),
        ("ada.lovelace", Username),
        ("ADA.Lovelace", Username),
        ("аdа.lоvеlасе", Username),
        ("password", Common),
        ("Password", Common),
        ("PASSWORD123", Common),
        ("ｐａｓｓｗｏｒｄ", Common),
        ("12345678", Common),
    ] {
        assert_eq!(parse(typed), Err(reason), "{typed:?}");
    }
}

#[test]
fn every_common_password_is_long_enough_to_be_one_and_in_lower_case() {
    for common in COMMON.lines() {
        assert_eq!(parse(common), Err(InvalidPassword::Common), "{common}");
    }
}

#[test]
fn a_password_is_the_same_however_the_keyboard_composes_it() {
    assert_eq!(parse("Žižkov-2371"), parse("Z\u{30c}iz\u{30c}kov-2371"));
    assert_ne!(parse("Žižkov-2371"), parse("žižkov-2371"));
}

#[test]
fn an_old_password_is_presented_whatever_today_s_rules_are() {
    for typed in ["short", "password", "ada.lovelace", ""] {
        assert!(Password::presented(typed.to_owned()).is_some());
    }
    assert_eq!(Password::presented("a".repeat(PASSWORD_CHARS_MAX + 1)), None);
    assert_eq!(Password::presented("a".repeat(1 << 20)), None);
}

#[test]
fn debug_output_does_not_show_a_password() {
    assert_eq!(format!("{:?}", parse("xk7-qq2p").unwrap()), "Password(…)");
}

proptest! {
    #[test]
    fn whatever_is_accepted_as_new_can_be_presented(typed in any::<String>()) {
        if let Ok(password) = parse(&typed) {
            prop_assert_eq!(Password::presented(typed), Some(password));
        }
    }
}
