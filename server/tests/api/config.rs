//! Settings: where they come from, and what is said when they are wrong.

use crate::support::{complaint, json_output, output, text, tiebreak};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// A TOML file with this text.
fn file(toml: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tiebreak.toml");
    std::fs::write(&path, toml).unwrap();
    (directory, path)
}

/// Value, source and where exactly.
fn setting<'a>(shown: &'a Value, name: &str) -> (&'a str, &'a str, Option<&'a str>) {
    let settings = shown["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == name).unwrap();
    (setting["value"].as_str().unwrap_or("-"), setting["source"].as_str().unwrap(), setting["from"].as_str())
}

#[test]
fn flags_go_before_variables_before_the_file_before_defaults() {
    let (_directory, path) =
        file("listen = '127.0.0.1:1'\ndata = 'file'\nlog = 'file'\nheads-max = 7\nsilence_seconds = 9\n");
    let path = text(&path);
    let mut command = tiebreak(&["config", "--json", "--config", path, "--listen", "127.0.0.1:3"]);
    command.env("TIEBREAK_LISTEN", "127.0.0.1:2").env("TIEBREAK_DATA", "variable");
    let shown = json_output(&mut command);
    for (name, expected) in [
        ("listen", ("127.0.0.1:3", "flag", Some("--listen"))),
        ("data", ("variable", "environment", Some("TIEBREAK_DATA"))),
        ("log", ("file", "file", Some(path))),
        ("heads-max", ("7", "file", Some(path))),
        ("silence-seconds", ("9", "file", Some(path))),
        ("store", ("sqlite", "default", None)),
        ("admin-listen", ("-", "default", None)),
        ("config", (path, "flag", Some("--config"))),
    ] {
        assert_eq!(setting(&shown, name), expected, "{name}");
    }
}

#[test]
fn a_switch_may_be_given_in_every_place() {
    let (_directory, path) = file("no_demo = true");
    let shown = json_output(&mut tiebreak(&["config", "--json", "--config", text(&path)]));
    assert_eq!(setting(&shown, "no-demo"), ("true", "file", Some(text(&path))));
    let shown = json_output(tiebreak(&["config", "--json"]).env("TIEBREAK_NO_DEMO", "true"));
    assert_eq!(setting(&shown, "no-demo"), ("true", "environment", Some("TIEBREAK_NO_DEMO")));
    let shown = json_output(&mut tiebreak(&["config", "--json", "--no-demo"]));
    assert_eq!(setting(&shown, "no-demo"), ("true", "flag", Some("--no-demo")));
    let back = ["config", "--json", "--config", text(&path), "--no-demo=false"];
    assert_eq!(setting(&json_output(&mut tiebreak(&back)), "no-demo").0, "false");
    assert_eq!(
        setting(&json_output(&mut tiebreak(&["config", "--json"])), "no-demo"),
        ("false", "default", None)
    );
}

#[test]
fn a_list_may_be_given_in_every_place() {
    let (_directory, path) = file("allow_origin = ['https://a.example', 'https://b.example']");
    let both = ("https://a.example,https://b.example", "file", Some(text(&path)));
    let shown = json_output(&mut tiebreak(&["config", "--json", "--config", text(&path)]));
    assert_eq!(setting(&shown, "allow-origin"), both);
    let flags = ["--allow-origin", "https://c.example", "--allow-origin", "https://d.example"];
    let shown = json_output(tiebreak(&["config", "--json", "--config", text(&path)]).args(flags));
    assert_eq!(setting(&shown, "allow-origin").0, "https://c.example,https://d.example");
    let (_directory, path) = file("heads_max = ['7']");
    let said = complaint(&mut tiebreak(&["config", "--config", text(&path)]));
    assert!(said.contains("`heads_max` that is neither"), "{said}");
}

#[test]
fn the_file_itself_may_be_named_by_a_variable() {
    let (_directory, path) = file("log_format = 'json'");
    let shown = json_output(tiebreak(&["config", "--json"]).env("TIEBREAK_CONFIG", &path));
    assert_eq!(setting(&shown, "log-format"), ("json", "file", Some(text(&path))));
    let table = output(tiebreak(&["config"]).env("TIEBREAK_CONFIG", &path));
    assert!(
        table.lines().any(|line| line.starts_with("log-format") && line.ends_with(text(&path))),
        "{table}"
    );
}

#[test]
fn passwords_are_never_shown() {
    let url = "postgres://user:secret@host/tiebreak?password=secret";
    for arguments in [&["config"][..], &["config", "--json"]] {
        let shown = output(tiebreak(arguments).env("TIEBREAK_STORE", url));
        assert!(shown.contains("postgres://host/tiebreak") && !shown.contains("secret"), "{shown}");
    }
    let help = output(tiebreak(&["serve", "--help"]).env("TIEBREAK_STORE", url));
    assert!(!help.contains("secret"));
}

#[test]
fn a_file_that_is_wrong_is_refused_by_what_is_wrong_in_it() {
    for (toml, words) in [
        ("lisen = '127.0.0.1:1'", "unknown key `lisen`"),
        ("config = 'other.toml'", "unknown key `config`"),
        ("[listen]\naddress = 1", "`listen` that is neither text, number nor boolean"),
        ("listen = ", "not valid TOML"),
        ("listen = 'here'", "'here' for '--listen"),
        ("heads_max = -1", "'-1' for '--heads-max"),
        ("log = 'tiebreak=loud'", "'tiebreak=loud' for '--log"),
        ("silence_seconds = '18446744073709551615'", "for '--silence-seconds"),
        ("jwt_jwks = 'http://id.example/keys'", "for '--jwt-jwks"),
        ("jwt_issuer = ''", "for '--jwt-issuer"),
    ] {
        let (_directory, path) = file(toml);
        for command in [&["config"][..], &["serve"], &["doc", "list"], &[]] {
            let mut command = tiebreak(command);
            let said = complaint(command.args(["--config", text(&path)]));
            assert!(said.contains(words) && said.contains(text(&path)), "{toml}: {said}");
        }
    }
    let said = complaint(&mut tiebreak(&["config", "--config", "/does/not/exist.toml"]));
    assert!(said.contains("/does/not/exist.toml") && said.contains("No such file"), "{said}");
}
