//! Backups, restores and checks.

use crate::support::{Api, complaint, json_output, output, stderr, text, tiebreak};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tempfile::TempDir;
use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::Peer;
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::wait::until;

const ID: &str = "4NMNnkMhL8jXrdJ9jamS58PAVdXu";

/// Something that stands in the database file as it is written here.
const NEEDLE: &str = "a needle in a haystack";

fn backup(data: &Path) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let to = text(&directory.path().join("backup.sqlite")).to_owned();
    output(&mut tiebreak(&["backup", &to, "--data", text(data)]));
    (directory, to)
}

fn restored(from: &str) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    output(&mut tiebreak(&["restore", from, "--data", text(data.path())]));
    data
}

/// Flips a bit in the middle of the needle.
fn damage(database: &Path) {
    let mut bytes = std::fs::read(database).unwrap();
    let at = bytes.windows(NEEDLE.len()).position(|window| window == NEEDLE.as_bytes()).unwrap();
    bytes[at + NEEDLE.len() / 2] ^= 1;
    std::fs::write(database, bytes).unwrap();
}

#[test]
fn a_backup_taken_while_writes_go_on_restores_to_everything_answered_before_it() {
    let api = Api::start(&[]);
    let document: DocumentId = ID.parse().unwrap();
    let (stop, answered) = (AtomicBool::new(false), AtomicI64::new(0));
    let (before, backup) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut peer = Peer::connect(api.server.address(), "writer");
            for number in 1.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                peer.write(document, "number", number).unwrap();
                peer.until("the change to be durable", |peer| peer.is_acknowledged(document)).unwrap();
                answered.store(number, Ordering::SeqCst);
            }
        });
        let count = || answered.load(Ordering::SeqCst);
        until("writes to go on", || (count() > 20).then_some(()));
        let before = count();
        let backup = backup(api.data.path());
        until("writes to go on after the backup", || (count() > before + 20).then_some(()));
        stop.store(true, Ordering::SeqCst);
        (before, backup)
    });
    let (_directory, from) = backup;
    let data = restored(&from);
    let found = json_output(&mut tiebreak(&["check", "--json", "--data", text(data.path())]));
    assert_eq!((&found["ok"], &found["documents"]), (&json!(true), &json!(1)));
    let server = ServerProcess::start(data.path(), &[]);
    let read: serde_json::Value = serde_json::from_str(&server.get(&format!("/v1/documents/{ID}"))).unwrap();
    let number = read["number"].as_i64().unwrap();
    assert!(number >= before && number <= answered.load(Ordering::SeqCst) + 1, "{before} <= {number}");
}

#[test]
fn a_backup_and_its_restore_hold_the_same_documents() {
    let api = Api::start(&[]);
    let made: Vec<_> = (0..10).map(|number| api.create(&json!({ "number": number }).to_string())).collect();
    let (_directory, from) = backup(api.data.path());
    let data = restored(&from);
    let copy = ServerProcess::start(data.path(), &[]);
    for location in made {
        assert_eq!(copy.get(&location), api.server.get(&location));
    }
    let listed = |server: &ServerProcess| server.get("/v1/documents");
    assert_eq!(listed(&copy), listed(&api.server));
}

#[test]
fn neither_backup_nor_restore_overwrites_anything() {
    let api = Api::start(&[]);
    api.create("{}");
    let (_directory, from) = backup(api.data.path());
    let said = complaint(&mut tiebreak(&["backup", &from, "--data", text(api.data.path())]));
    assert!(said.contains("exists already"), "{said}");
    let said = complaint(&mut tiebreak(&["restore", &from, "--data", text(api.data.path())]));
    assert!(said.contains("is not empty"), "{said}");
    let nothing = tempfile::tempdir().unwrap();
    let said = complaint(&mut tiebreak(&["backup", "/nowhere/to", "--data", text(nothing.path())]));
    assert!(said.contains("there is no data in"), "{said}");
}

#[test]
fn a_restore_from_what_is_no_whole_backup_leaves_nothing_behind() {
    let api = Api::start(&[]);
    api.create(&json!({ "text": NEEDLE }).to_string());
    let (directory, from) = backup(api.data.path());
    let other = text(&directory.path().join("other")).to_owned();
    std::fs::write(&other, "not a database").unwrap();
    let data = tempfile::tempdir().unwrap();
    let said = complaint(&mut tiebreak(&["restore", &other, "--data", text(data.path())]));
    assert!(said.contains("is not a backup"), "{said}");
    // A file stands where the directory should be.
    let below = format!("{other}/data");
    let said = complaint(&mut tiebreak(&["restore", &from, "--data", &below]));
    assert!(said.contains(&below) && said.contains("Not a directory") && !said.contains("remove"), "{said}");
    damage(Path::new(&from));
    let said = complaint(&mut tiebreak(&["restore", &from, "--data", text(data.path())]));
    assert!(said.contains("it is damaged"), "{said}");
    assert!(data.path().read_dir().unwrap().next().is_none());
}

#[test]
fn a_check_finds_a_flipped_bit_and_names_the_document() {
    let api = Api::start(&[]);
    let whole = api.create("{\"whole\":true}");
    let location = api.create(&json!({ "text": NEEDLE }).to_string());
    let id = location.rsplit('/').next().unwrap();
    let data = restored(&backup(api.data.path()).1);
    damage(&data.path().join("tiebreak.sqlite"));
    let check = |more: &[&str]| {
        let output = tiebreak(&["check", "--data", text(data.path())]).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = check(&[]);
    assert!(
        said.lines().any(|line| line.starts_with(&format!("{id}: "))) && said.contains("damage found"),
        "{said}"
    );
    assert!(!said.contains(whole.rsplit('/').next().unwrap()), "{said}");
    let found: serde_json::Value = serde_json::from_str(&check(&["--json"])).unwrap();
    assert_eq!((&found["ok"], &found["findings"][0]["document"]), (&json!(false), &json!(id)));
}

#[test]
fn a_check_goes_on_beside_a_running_server_and_after_a_crash() {
    let api = Api::start(&[]);
    api.create("{\"a\":1}");
    let check = || output(&mut tiebreak(&["check", "--data", text(api.data.path())]));
    assert!(check().contains("no damage found"));
    api.server.kill();
    let found = json_output(&mut tiebreak(&["check", "--json", "--data", text(api.data.path())]));
    assert_eq!((&found["ok"], &found["documents"]), (&json!(true), &json!(1)));
}
