//! What the kind of a document leaves to others: refused by itself, with the place, whichever way it comes.

use crate::access::{Person, start};
use crate::support::{Api, Reply, device};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjType, ROOT};
use serde_json::{Value, json};
use tiebreak_protocol::{DocumentId, ExtensionFrame, Frame};
use tiebreak_tests::wait::until;

const FILE: &str = "content-type: application/octet-stream";

fn fork(document: &mut AutoCommit, actor: u8) -> AutoCommit {
    document.fork().with_actor(ActorId::from([actor; 16].as_slice()))
}

fn group() -> AutoCommit {
    let mut group = device(1);
    group.put(ROOT, "@kind", "group").unwrap();
    group.put(ROOT, "name", "Sunday walkers").unwrap();
    group.put_object(ROOT, "nicknames", ObjType::Map).unwrap();
    group.commit();
    group
}

fn refused(reply: &Reply) -> Vec<(String, String)> {
    let refused = reply.json()["refused"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    refused.iter().map(|refused| (text(&refused["code"]), text(&refused["path"]))).collect()
}

type Attack = fn(&mut AutoCommit);

/// Ways in which somebody would make himself an admin.
fn attacks() -> Vec<(&'static str, Attack)> {
    vec![
        ("/roles", |group| {
            let roles = group.put_object(ROOT, "roles", ObjType::Map).unwrap();
            group.put(&roles, "ben", "admin").unwrap();
        }),
        ("/roles", |group| group.put(ROOT, "roles", "admin").unwrap()),
        ("/members", |group| drop(group.put_object(ROOT, "members", ObjType::List).unwrap())),
        ("/@kind", |group| group.put(ROOT, "@kind", "cart").unwrap()),
        ("/@kind", |group| group.delete(ROOT, "@kind").unwrap()),
        ("/name", |group| group.put(ROOT, "name", 7).unwrap()),
    ]
}

#[test]
fn nobody_makes_himself_an_admin_and_what_others_bring_goes_in() {
    let api = Api::start(&[]);
    for (at, (path, attack)) in attacks().into_iter().enumerate() {
        let mut base = group();
        let (mut good, mut bad) = (fork(&mut base, 2), fork(&mut base, 3));
        let location = api.create_from(&base.save());
        attack(&mut bad);
        bad.commit();
        good.put(ROOT, "rules", "be on time").unwrap();
        good.commit();
        bad.merge(&mut good).unwrap();
        let reply = api.import(&location, &bad.save()).expect(200);
        let code = match path {
            "/@kind" => "kind_fixed",
            "/name" => "wrong_type",
            _protected => "protected_path",
        };
        assert_eq!(refused(&reply), [(code.to_owned(), path.to_owned())], "attack {at}");
        let stands = api.get(&location).expect(200).json();
        let expected =
            json!({ "@kind": "group", "name": "Sunday walkers", "nicknames": {}, "rules": "be on time" });
        assert_eq!(stands, expected, "attack {at}");
    }
}

#[test]
fn what_is_refused_on_a_connection_comes_back_with_its_place_and_the_connection_lives() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let file = group().save();
    let made = api.request("POST", "/v1/documents", &[&ann.bearer(), FILE], &file).expect(201);
    let document: DocumentId = made.json()["id"].as_str().unwrap().parse().unwrap();
    let mut peer = ann.connects(&api);
    peer.ask(document).unwrap();
    peer.until("the group", |peer| peer.content(document).is_some_and(|group| !group.get_heads().is_empty()))
        .unwrap();
    let written = peer.write(document, "members", 1).unwrap();
    let told = until("the refusal", || match peer.receive(std::time::Duration::from_millis(200)).unwrap() {
        Some(Frame::Extension { frame: ExtensionFrame::Refused { change, code, path, .. }, .. }) => {
            Some((change, code, path))
        }
        _other => None,
    });
    assert_eq!(told, (Some(written), "protected_path".to_owned(), Some("/members".to_owned())));
    assert_eq!(
        ann.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200).json().get("members"),
        None
    );
}

#[test]
fn a_document_that_begins_with_what_only_the_server_writes_is_not_made() {
    let api = Api::start(&[]);
    let mut group = group();
    group.put(ROOT, "members", "all mine").unwrap();
    group.commit();
    let made = api.request("POST", "/v1/documents", &[FILE], &group.save()).expect(201);
    assert_eq!(refused(&made), [("protected_path".to_owned(), "/members".to_owned())]);
    let mut first = device(1);
    first.put(ROOT, "@kind", "group").unwrap();
    first.put(ROOT, "members", "all mine").unwrap();
    first.commit();
    let refused = api.request("POST", "/v1/documents", &[FILE], &first.save()).expect(403);
    assert_eq!(refused.code(), "protected_path");
}

#[test]
fn a_choice_that_only_owners_may_make_is_theirs() {
    let kinds = tempfile::tempdir().unwrap();
    let kind = json!({
        "x-tiebreak-kind": "club", "x-tiebreak-version": 1, "title": "Club", "type": "object",
        "properties": { "motto": { "type": "string", "x-tiebreak-write": "owner" }, "place": { "type": "string" } },
    });
    std::fs::write(kinds.path().join("club.json"), kind.to_string()).unwrap();
    let api = Api::start(&["--auth", "accounts", "--kinds", kinds.path().to_str().unwrap()]);
    let [ann, ben] = ["ann", "ben"].map(|name| Person::new(&api, name));
    let mut base = device(1);
    base.put(ROOT, "@kind", "club").unwrap();
    base.commit();
    let send =
        |person: &Person, path: &str, file: &[u8]| api.request("POST", path, &[&person.bearer(), FILE], file);
    let made = send(&ann, "/v1/documents", &base.save()).expect(201);
    let location = made.header("location").to_owned();
    let grant = format!("{location}/grants/{}", ben.account);
    ann.sends(&api, "PUT", &grant, &json!({ "role": "editor" })).expect(204);
    let mut forks = [(2, "walk"), (3, "run")].map(|(actor, motto)| {
        let mut device = fork(&mut base, actor);
        device.put(ROOT, "motto", motto).unwrap();
        device.commit();
        device
    });
    let import = format!("{location}/import");
    let of_ben = send(&ben, &import, &forks[0].save()).expect(200);
    assert_eq!(refused(&of_ben), [("owner_only".to_owned(), "/motto".to_owned())]);
    for device in &mut forks {
        assert_eq!(refused(&send(&ann, &import, &device.save()).expect(200)), []);
    }
    let list = ann.asks(&api, "GET", "/v1/conflicts").expect(200).json();
    let resolution = format!("/v1/conflicts/{}/resolution", list["items"][0]["id"].as_str().unwrap());
    let choice = json!({ "value": "swim" });
    assert_eq!(ben.sends(&api, "POST", &resolution, &choice).expect(403).code(), "owner_only");
    ann.sends(&api, "POST", &resolution, &choice).expect(200);
}
