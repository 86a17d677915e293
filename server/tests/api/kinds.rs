//! Kinds: what documents hold, from files, at the server and on the command line.

use crate::support::{Api, complaint, json_output, output, stderr, text, tiebreak};
use serde_json::{Value, json};
use tempfile::TempDir;

fn recipe(version: u32, title: &Value) -> Value {
    json!({
        "x-tiebreak-kind": "recipe", "x-tiebreak-version": version, "title": "Recipe", "type": "object",
        "properties": { "title": title },
    })
}

/// A directory with these files.
fn directory(files: &[(&str, String)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn with_recipe() -> TempDir {
    let sound = recipe(3, &json!({ "type": "string" })).to_string();
    directory(&[("recipe.json", sound), ("README.md", "no kind".to_owned())])
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn a_server_knows_the_built_in_kinds() {
    let api = Api::start(&[]);
    assert_eq!(names(&api.get("/v1/kinds").expect(200).json()), ["cart", "group", "profile"]);
    let profile = api.get("/v1/kinds/profile").expect(200).json();
    assert_eq!(profile["properties"]["bio"]["x-tiebreak-merge"], "text");
    for name in ["none", "%FF", "Profile", "..%2Fprofile"] {
        assert_eq!(api.get(&format!("/v1/kinds/{name}")).expect(404).code(), "kind_not_found", "{name}");
    }
}

#[test]
fn a_server_knows_the_kinds_of_its_operator_as_well() {
    let kinds = with_recipe();
    let api = Api::start(&["--kinds", text(kinds.path())]);
    let list = api.get("/v1/kinds").expect(200).json();
    assert_eq!(names(&list), ["cart", "group", "profile", "recipe"]);
    assert_eq!(list["items"][3], json!({ "name": "recipe", "version": 3, "title": "Recipe" }));
    let shown = api.get("/v1/kinds/recipe").expect(200).json();
    assert_eq!(shown, recipe(3, &json!({ "type": "string" })));
}

#[test]
fn a_server_with_wrong_kinds_does_not_start_and_says_all_that_is_wrong() {
    let kinds = directory(&[
        ("b.json", "{".to_owned()),
        ("a.json", recipe(0, &json!({ "type": "string", "x-tiebreak-merge": "counter" })).to_string()),
    ]);
    let data = tempfile::tempdir().unwrap();
    let place = ["--kinds", text(kinds.path()), "--listen", "127.0.0.1:0", "--data", text(data.path())];
    let said = complaint(tiebreak(&["serve"]).args(place));
    let words = [
        "refusing to start",
        "a.json at /x-tiebreak-version",
        "a.json at /properties/title/x-tiebreak-merge",
        "b.json: this is not JSON",
    ];
    let places: Vec<_> = words.iter().map(|words| said.find(words)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{said}");
    assert_eq!(said.matches("a.json at /x-tiebreak-version").count(), 1, "said once: {said}");
    assert!(data.path().read_dir().unwrap().next().is_none(), "nothing was begun");
}

#[test]
fn a_directory_or_a_file_that_cannot_be_read_is_named() {
    let missing = complaint(&mut tiebreak(&["kinds", "list", "--kinds", "/does/not/exist"]));
    assert!(
        missing.contains("/does/not/exist") && missing.contains("--kinds names a directory"),
        "{missing}"
    );
    let kinds = tempfile::tempdir().unwrap();
    std::fs::write(kinds.path().join("bytes.json"), [0xff, 0xfe]).unwrap();
    let said = complaint(&mut tiebreak(&["kinds", "list", "--kinds", text(kinds.path())]));
    assert!(said.contains("bytes.json") && said.contains("utf-8"), "{said}");
    // The limit cuts a character in two.
    let large = format!("\"{}", "ä".repeat(tiebreak_kinds::limits::MAX_FILE_BYTES));
    let kinds = directory(&[("large.json", large)]);
    let said = complaint(&mut tiebreak(&["kinds", "list", "--kinds", text(kinds.path())]));
    assert!(said.contains("large.json: the file has"), "{said}");
}

#[test]
fn kinds_are_listed_and_shown_without_a_server() {
    let kinds = with_recipe();
    let at = ["--kinds", text(kinds.path())];
    let list = json_output(tiebreak(&["kinds", "list", "--json"]).args(at));
    assert_eq!(names(&list), ["cart", "group", "profile", "recipe"]);
    let table = output(tiebreak(&["kinds", "list"]).env("TIEBREAK_KINDS", kinds.path()));
    assert!(table.lines().any(|line| line.split_whitespace().eq(["recipe", "3", "Recipe"])), "{table}");
    assert_eq!(
        names(&json_output(&mut tiebreak(&["kinds", "list", "--json"]))),
        ["cart", "group", "profile"]
    );

    let shown = json_output(tiebreak(&["kinds", "show", "recipe", "--json"]).args(at));
    assert_eq!(shown, recipe(3, &json!({ "type": "string" })));
    let shown = output(&mut tiebreak(&["kinds", "show", "profile"]));
    assert!(shown.lines().count() > 10 && shown.contains("\"x-tiebreak-kind\": \"profile\""), "{shown}");
    let said = complaint(&mut tiebreak(&["kinds", "show", "recipe"]));
    assert!(said.contains("there is no kind recipe") && said.contains("tiebreak kinds list"), "{said}");
}

#[test]
fn the_directory_may_stand_in_the_configuration_file() {
    let kinds = with_recipe();
    let file = kinds.path().join("tiebreak.toml");
    std::fs::write(&file, format!("kinds = '{}'", text(kinds.path()))).unwrap();
    let shown = json_output(&mut tiebreak(&["kinds", "show", "recipe", "--json", "--config", text(&file)]));
    assert_eq!(shown["x-tiebreak-version"], 3);
    let settings = output(&mut tiebreak(&["config", "--config", text(&file)]));
    assert!(
        settings.lines().any(|line| line.starts_with("kinds ") && line.ends_with("tiebreak.toml")),
        "{settings}"
    );
    let help = output(&mut tiebreak(&["kinds", "list", "--help"]));
    assert!(help.contains("--kinds") && !help.contains("--data") && !help.contains("--heads-max"), "{help}");
}

#[test]
fn a_new_version_of_a_kind_is_compared_with_the_old_one() {
    let (string, number) = (json!({ "type": "string" }), json!({ "type": "number" }));
    let wider = json!({ "type": ["string", "null"] });
    let kinds = directory(&[
        ("old.json", recipe(1, &string).to_string()),
        ("wider.json", recipe(1, &wider).to_string()),
        ("other.json", recipe(1, &number).to_string()),
        ("other-2.json", recipe(2, &number).to_string()),
        ("wrong.json", "[]".to_owned()),
    ]);
    let at = |name: &str| text(&kinds.path().join(name)).to_owned();
    let check = |new: &str, more: &[&str]| {
        let mut command = tiebreak(&["kinds", "check", &at("old.json"), &at(new)]);
        let output = command.args(more).output().unwrap();
        let code = output.status.code().unwrap();
        (code, format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output)))
    };
    let (code, said) = check("wider.json", &[]);
    assert!(code == 0 && said.starts_with("compatible"), "{said}");
    let (code, said) = check("other.json", &[]);
    assert!(code == 1 && said.contains("/title: took values of type string"), "{said}");
    assert!(said.contains("higher x-tiebreak-version"), "{said}");
    let (code, said) = check("other-2.json", &[]);
    assert!(
        code == 0 && said.contains("/title: took") && said.contains("breaking, and the higher"),
        "{said}"
    );
    let (code, said) = check("other.json", &["--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["compatible"], &said["needs_higher_version"]), (1, &json!(false), &json!(true)));
    assert_eq!(said["differences"][0]["path"], "/title");
    let (code, said) = check("wrong.json", &[]);
    assert!(
        code == 1 && said.contains(&at("wrong.json")) && said.contains("a document is an object"),
        "{said}"
    );
}
