//! Writes go on only for the version that the caller has seen.

use crate::support::{Api, FILE, device, write};

#[test]
fn a_deletion_waits_for_the_right_version() {
    let api = Api::start(&[]);
    let mut document = device(1);
    write(&mut document, "a", 1);
    let location = api.create_from(&document.save());
    let seen = format!("if-match: {}", api.get(&location).header("etag"));
    write(&mut document, "a", 2);
    api.import(&location, &document.save()).expect(200);
    let stale = api.request("DELETE", &location, &[&seen], b"").expect(412);
    assert_eq!(stale.code(), "precondition_failed");
    assert_eq!(api.get(&location).expect(200).json()["a"], 2);
    let fresh = format!("if-match: {}", api.get(&location).header("etag"));
    assert!(api.request("DELETE", &location, &[&fresh], b"").expect(204).body.is_empty());
}

#[test]
fn an_import_waits_for_the_right_version() {
    let api = Api::start(&[]);
    let mut document = device(1);
    write(&mut document, "a", 1);
    let location = api.create_from(&document.save());
    write(&mut document, "a", 2);
    let import = |condition: &str| {
        api.request("POST", &format!("{location}/import"), &[FILE, condition], &document.clone().save())
    };
    assert_eq!(import("if-match: \"other\"").expect(412).code(), "precondition_failed");
    assert_eq!(import("if-match: nonsense").expect(400).code(), "malformed_condition");
    import(&format!("if-match: {}", api.get(&location).header("etag"))).expect(200);
    import("if-match: *").expect(200);
}
