//! The house's arrows: which crate may know which.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every crate and all of the project's crates that it may name. Right of an arrow is who uses it:
/// `protocol ← kinds ← document ← sync`, `protocol ← storage`; the server sits on top.
const ALLOWED: &[(&str, &[&str])] = &[
    ("tiebreak-protocol", &[]),
    ("tiebreak-kinds", &["tiebreak-protocol"]),
    ("tiebreak-document", &["tiebreak-protocol", "tiebreak-kinds"]),
    ("tiebreak-sync", &["tiebreak-protocol", "tiebreak-kinds", "tiebreak-document"]),
    ("tiebreak-storage", &["tiebreak-protocol"]),
    ("tiebreak-driver", &["tiebreak-protocol", "tiebreak-document", "tiebreak-sync", "tiebreak-storage"]),
    (
        "tiebreak-server",
        &[
            "tiebreak-protocol",
            "tiebreak-kinds",
            "tiebreak-document",
            "tiebreak-sync",
            "tiebreak-storage",
            "tiebreak-driver",
        ],
    ),
    (
        "tiebreak-client",
        &[
            "tiebreak-protocol",
            "tiebreak-kinds",
            "tiebreak-document",
            "tiebreak-sync",
            "tiebreak-storage",
            "tiebreak-driver",
        ],
    ),
    ("tiebreak-bench", &["tiebreak-protocol"]),
    ("tiebreak-tests", &["tiebreak-protocol", "tiebreak-document", "tiebreak-sync"]),
    ("conflict-inbox", &["tiebreak-client"]),
    ("offline-notes", &["tiebreak-client"]),
    ("profile-sync", &["tiebreak-client"]),
    ("samod-client", &[]),
];

/// Only these may name the CRDT library outside tests.
const MAY_NAME_AUTOMERGE: &[&str] =
    &["tiebreak-document", "tiebreak-bench", "tiebreak-tests", "samod-client"];

/// Pure crates: no I/O, clock, randomness or tasks; so none of the crates that bring them.
const PURE: &[&str] = &["tiebreak-protocol", "tiebreak-kinds", "tiebreak-document", "tiebreak-sync"];
const IMPURE: &[&str] = &["tokio", "rusqlite", "rand", "uuid", "axum", "mio", "getrandom"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("there are packages");
    let normal = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().cloned().unwrap_or_default();
        all.iter().filter(|dependency| dependency["kind"].is_null()).map(|d| text(&d["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), normal(package))).collect()
}

#[test]
fn every_crate_names_only_the_crates_left_of_it() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    for (name, dependencies) in dependencies() {
        let allowed =
            allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no place in the house yet"));
        let wrong: Vec<_> = dependencies
            .iter()
            .filter(|dependency| {
                dependency.starts_with("tiebreak-") && !allowed.contains(&dependency.as_str())
            })
            .collect();
        assert!(wrong.is_empty(), "{name} must not know {wrong:?}");
    }
}

#[test]
fn nobody_but_the_document_crate_names_the_crdt_library() {
    for (name, dependencies) in dependencies() {
        let may = MAY_NAME_AUTOMERGE.contains(&name.as_str());
        assert!(may || !dependencies.contains("automerge"), "{name} must not name automerge");
    }
}

#[test]
fn pure_crates_depend_on_nothing_that_does_input_or_output() {
    let all = dependencies();
    for name in PURE {
        let wrong: Vec<_> = IMPURE.iter().filter(|impure| all[*name].contains(**impure)).collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
}
