use super::*;
use proptest::prelude::*;

fn key(name: &str) -> String {
    Username::parse(name).unwrap().key
}

#[test]
fn names_of_living_languages_are_accepted() {
    for name in [
        "ada",
        "ada.lovelace",
        "r2-d2",
        "snake_case",
        "42",
        "žižek",
        "straße",
        "ışık",
        "иван",
        "γιώργος",
        "علي",
        "דוד",
        "हिन्दी",
        "ไทย",
        "日本語",
        "ひらがな",
        "山田タロウ",
        "김철수",
        "Nguyễn",
    ] {
        assert!(Username::parse(name).is_ok(), "{name}: {:?}", Username::parse(name));
    }
}

#[test]
fn what_cannot_be_a_name_is_refused_with_the_reason() {
    use InvalidUsername::{Character, Length, Marks, MixedScripts, Reserved, Start};
    let long = "a".repeat(NAME_CHARS_MAX + 1);
    let huge = "a".repeat(1 << 20);
    for (name, reason) in [
        ("", Length),
        ("a", Length),
        (long.as_str(), Length),
        (huge.as_str(), Length),
        ("_ada", Start),
        (".ada", Start),
        ("-ada", Start),
        ("a da", Character(' ')),
        ("ada@home", Character('@')),
        ("a/b", Character('/')),
        ("ada\0", Character('\0')),
        ("ada\u{200d}", Character('\u{200d}')),
        ("ada\u{200b}", Character('\u{200b}')),
        ("ada\u{202e}", Character('\u{202e}')),
        ("ada’s", Character('’')),
        ("ada🎉", Character('🎉')),
        ("a\u{304}\u{31b}\u{323}\u{301}b", Marks),
        ("pаypal", MixedScripts),
        ("ivaи", MixedScripts),
        ("admin", Reserved),
        ("ADMIN", Reserved),
        ("ａｄｍｉｎ", Reserved),
        ("rооt", MixedScripts),
        ("tiebreak", Reserved),
        ("supp0rt", Reserved),
    ] {
        assert_eq!(Username::parse(name).err(), Some(reason), "{name:?}");
    }
}

#[test]
fn a_name_as_long_as_allowed_is_accepted() {
    assert!(Username::parse(&"a".repeat(NAME_CHARS_MAX)).is_ok());
    assert!(Username::parse(&"a".repeat(NAME_CHARS_MIN)).is_ok());
}

#[test]
fn twins_have_one_key() {
    for (name, twin) in [
        ("ada", "ADA"),
        ("ada", "ａｄａ"),
        ("ada", "ⓐⓓⓐ"),
        ("žižek", "z\u{30c}iz\u{30c}ek"),
        ("straße", "STRASSE"),
        ("οδυσσεύς", "ΟΔΥΣΣΕΎΣ"),
        ("apple", "аррӏе"),
        ("scope", "ѕсоре"),
        ("paypal", "paypa1"),
        ("modern", "rnodern"),
        ("bob", "b0b"),
    ] {
        assert_eq!(key(name), key(twin), "{name} and {twin}");
    }
}

#[test]
fn different_names_have_different_keys() {
    let names = ["ada", "eda", "adam", "ada.b", "ada-b", "ada_b", "ada1", "ada2", "адам", "žižek", "zizek"];
    let keys: HashSet<String> = names.into_iter().map(key).collect();
    assert_eq!(keys.len(), names.len());
}

#[test]
fn a_name_is_shown_in_lower_case() {
    assert_eq!(Username::parse("Ada.Lovelace").unwrap().shown(), "ada.lovelace");
}

proptest! {
    #[test]
    fn a_shown_name_parses_to_itself(typed in any_name()) {
        if let Ok(name) = Username::parse(&typed) {
            prop_assert_eq!(Username::parse(name.shown()), Ok(name.clone()));
        }
    }

    #[test]
    fn however_a_name_is_typed_its_key_is_the_same(typed in any_name()) {
        if let Ok(name) = Username::parse(&typed) {
            let composed: String = typed.nfc().collect();
            let decomposed: String = typed.nfd().collect();
            for twin in [composed, decomposed, typed.to_lowercase(), typed.nfkd().collect()] {
                let twin = Username::parse(&twin);
                prop_assert_eq!(twin.as_ref().map(Username::key), Ok(name.key()));
            }
            prop_assert_eq!(key_of(&typed.to_uppercase()), name.key());
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(typed in any::<String>()) {
        if let Ok(name) = Username::parse(&typed) {
            let characters = name.shown().chars().count();
            prop_assert!((NAME_CHARS_MIN..=NAME_CHARS_MAX).contains(&characters));
        }
    }
}

/// Texts of one script with marks and capitals: of all texts hardly one is a name.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._À-ÿĀ-ſ-]{1,12}",
        "[a-zA-Zａ-ｚＡ-Ｚ\u{300}-\u{304}\u{30c}\u{323}]{1,12}",
        "[а-яА-ЯёЁӏ0-9]{1,12}",
        "[α-ωΑ-Ωά-ώςἀ-ᾼ]{1,12}",
        "[ぁ-んァ-ヶ一-龥]{1,12}",
        "[가-힣ᄀ-하-ᅵᆨ-ᆫ]{1,12}",
        "[अ-ह\u{93c}\u{93e}-\u{94d}]{1,12}",
    ]
}
