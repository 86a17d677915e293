//! `tiebreak doc` does the same with and without a server.

use crate::support::{Api, complaint, device, json_output, output, stderr, text, tiebreak, write};
use automerge::AutoCommit;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A way to call `tiebreak doc`.
struct Caller {
    place: Vec<String>,
}

impl Caller {
    fn in_directory(data: &Path) -> Self {
        Self { place: vec!["--data".to_owned(), text(data).to_owned()] }
    }

    fn at(url: String) -> Self {
        Self { place: vec!["--server".to_owned(), url] }
    }

    fn doc(&self, arguments: &[&str]) -> Command {
        let mut command = tiebreak(&["doc"]);
        command.args(arguments).args(&self.place);
        command
    }
}

fn lives_a_whole_life(caller: &Caller) {
    let work = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&work.path().join(name)).to_owned();
    std::fs::write(at("in.json"), json!({ "title": "hello" }).to_string()).unwrap();
    let made = json_output(&mut caller.doc(&["import", &at("in.json"), "--json"]));
    let id = made["id"].as_str().unwrap();
    let listed = json_output(&mut caller.doc(&["list", "--json"]));
    assert_eq!(listed["items"][0]["id"], id);
    assert!(output(&mut caller.doc(&["list"])).contains(id));
    assert_eq!(json_output(&mut caller.doc(&["show", id, "--json"])), json!({ "title": "hello" }));

    output(&mut caller.doc(&["export", id, &at("out.automerge")]));
    let mut document = AutoCommit::load(&std::fs::read(at("out.automerge")).unwrap()).unwrap();
    document = document.with_actor(device(3).get_actor().clone());
    write(&mut document, "more", 1);
    std::fs::write(at("more.automerge"), document.save()).unwrap();
    let merged = json_output(&mut caller.doc(&["import", &at("more.automerge"), "--id", id, "--json"]));
    assert_eq!(merged["heads"], json!([document.get_heads()[0].to_string()]));
    assert!(output(&mut caller.doc(&["show", id])).contains("\"more\": 1"));
    let history = json_output(&mut caller.doc(&["history", id, "--json"]));
    assert_eq!(
        (&history["total"], &history["items"][0]["touched"][0]["path"]),
        (&json!(2), &json!(["more"]))
    );
    let told = output(&mut caller.doc(&["history", id]));
    assert!(
        told.contains("more: set 1") && told.contains("title: insert \"hello\" (5 operations)"),
        "{told}"
    );
    let newest = json_output(&mut caller.doc(&["history", id, "--limit", "1", "--json"]));
    assert_eq!(newest["items"].as_array().unwrap().len(), 1);

    let said = complaint(&mut caller.doc(&["export", id, &at("out.automerge")]));
    assert!(said.contains("File exists"), "{said}");
    assert!(complaint(&mut caller.doc(&["delete", id])).contains("--yes"));
    output(&mut caller.doc(&["delete", id, "--yes"]));
    assert!(complaint(&mut caller.doc(&["show", id])).contains("the document was deleted"));
}

#[test]
fn a_document_lives_its_life_in_a_data_directory_that_no_server_has_open() {
    let api = Api::start(&[]);
    let mut server = api.server;
    server.terminate();
    server.wait();
    lives_a_whole_life(&Caller::in_directory(api.data.path()));
}

#[test]
fn a_document_lives_its_life_at_a_server_found_by_its_data_directory() {
    let api = Api::start(&[]);
    lives_a_whole_life(&Caller::in_directory(api.data.path()));
}

#[test]
fn a_document_lives_its_life_at_a_server_named_by_its_address() {
    let api = Api::start(&[]);
    lives_a_whole_life(&Caller::at(format!("http://{}", api.server.address())));
}

#[test]
fn a_server_is_found_at_the_configured_address_when_there_is_no_data_here() {
    let (api, elsewhere) = (Api::start(&[]), tempfile::tempdir().unwrap());
    api.create("{}");
    let mut command = tiebreak(&["doc", "list", "--json"]);
    command.current_dir(elsewhere.path()).env("TIEBREAK_LISTEN", api.server.address().to_string());
    let listed = command.output().unwrap();
    let items: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
    let said = stderr(&listed);
    assert!(said.contains(&format!("asking the server at http://{}", api.server.address())), "{said}");
}

#[test]
fn every_page_of_a_long_list_is_fetched() {
    let api = Api::start(&[]);
    let made: Vec<_> = (0..12).map(|_| api.create("{}")).collect();
    let caller = Caller::in_directory(api.data.path());
    assert_eq!(output(&mut caller.doc(&["list"])).lines().count(), made.len() + 1);
    let five = json_output(&mut caller.doc(&["list", "--limit", "5", "--json"]));
    assert_eq!(five["items"].as_array().unwrap().len(), 5);
    let rest = json_output(&mut caller.doc(&["list", "--after", five["next"].as_str().unwrap(), "--json"]));
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (7, &Value::Null));
}

#[test]
fn a_file_may_bring_its_document_id() {
    let api = Api::start(&[]);
    let caller = Caller::in_directory(api.data.path());
    let (work, id) = (tempfile::tempdir().unwrap(), "4NMNnkMhL8jXrdJ9jamS58PAVdXu");
    let path = work.path().join("a.automerge");
    let mut document = device(1);
    write(&mut document, "a", 1);
    std::fs::write(&path, document.save()).unwrap();
    let made = json_output(&mut caller.doc(&["import", text(&path), "--id", id, "--json"]));
    assert_eq!(made["id"], id);
    assert!(output(&mut caller.doc(&["import", text(&path), "--id", id])).contains(id));
}

#[test]
fn a_mistyped_directory_never_means_a_server_that_happens_to_run() {
    let api = Api::start(&[]);
    let empty = tempfile::tempdir().unwrap();
    let mistyped = empty.path().join("nothere");
    let caller = Caller {
        place: ["--data", text(&mistyped), "--listen", &api.server.address().to_string()]
            .map(str::to_owned)
            .to_vec(),
    };
    let said = complaint(&mut caller.doc(&["list"]));
    assert!(said.contains("there is no data in") && said.contains("nothere"), "{said}");
}

#[test]
fn what_cannot_be_reached_is_said_with_a_way_out() {
    let empty = tempfile::tempdir().unwrap();
    let nowhere = Caller {
        place: ["--data", text(empty.path()), "--listen", "127.0.0.1:1"].map(str::to_owned).to_vec(),
    };
    let said = complaint(&mut nowhere.doc(&["list"]));
    assert!(said.contains("there is no data in") && said.contains("--server"), "{said}");
    assert!(empty.path().read_dir().unwrap().next().is_none(), "looking makes no data directory");
    let said = complaint(&mut Caller::at("http://127.0.0.1:1".to_owned()).doc(&["list"]));
    assert!(said.contains("could not ask the server at http://127.0.0.1:1"), "{said}");
    let said = complaint(&mut Caller::at("https://example.com".to_owned()).doc(&["list"]));
    assert!(said.contains("TLS"), "{said}");
    for wrong in [&["show", "nonsense"][..], &["list", "--after", "a b"]] {
        let wrong = nowhere.doc(wrong).output().unwrap();
        assert!(stderr(&wrong).contains("a document id is 16 bytes in base58check"), "{}", stderr(&wrong));
    }
    let store = ["--store", "postgres://user:secret@host/database"];
    let said = complaint(nowhere.doc(&["list"]).args(store));
    assert!(said.contains("postgres://host/database") && said.contains("no server answers"), "{said}");
    assert!(!said.contains("there is no data") && !said.contains("secret"), "{said}");
}

/// A server that was killed leaves its address behind, and another one may take it.
#[test]
fn nothing_is_asked_of_a_server_with_other_data() {
    let (api, other) = (Api::start(&[]), Api::start(&[]));
    let id = other.create("{}").rsplit('/').next().unwrap().to_owned();
    let left = api.data.path().join("tiebreak.address");
    let own = std::fs::read_to_string(&left).unwrap();
    let (_, storage) = own.split_once('\n').unwrap();
    std::fs::write(&left, format!("{}\n{storage}", other.server.address())).unwrap();
    let caller = Caller::in_directory(api.data.path());
    let said = complaint(&mut caller.doc(&["delete", &id, "--yes"]));
    assert!(said.contains("has other data than"), "{said}");
    std::fs::remove_file(&left).unwrap();
    let said = complaint(&mut caller.doc(&["delete", &id, "--yes"]));
    assert!(said.contains("does not say where it listens"), "{said}");
    other.get(&format!("/v1/documents/{id}")).expect(200);
}

#[test]
fn an_address_is_gone_when_its_server_is() {
    let mut api = Api::start(&[]);
    let left = api.data.path().join("tiebreak.address");
    assert!(left.exists());
    api.server.terminate();
    assert!(api.server.wait().success());
    assert!(!left.exists(), "an orderly stop takes it away");
    std::fs::write(&left, "127.0.0.1:1\nwhat a killed server left\n").unwrap();
    output(&mut Caller::in_directory(api.data.path()).doc(&["list"]));
    assert!(!left.exists(), "whoever holds the directory takes it away");
}
