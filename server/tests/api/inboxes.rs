//! Each account has a document in which it finds the conflicts that concern it.

use crate::access::{Person, start};
use crate::support::{Api, device};
use automerge::transaction::Transactable;
use automerge::{ActorId, ROOT};
use serde_json::{Value, json};
use tiebreak_tests::wait::until;

/// A profile of somebody that two of their devices renamed apart.
struct Disputed {
    location: String,
}

impl Disputed {
    fn by(api: &Api, person: &Person) -> Self {
        let mut base = device(1);
        base.put(ROOT, "@kind", "profile").unwrap();
        base.put(ROOT, "display_name", "Ann").unwrap();
        let send = |path: &str, file: &[u8]| {
            let file_type = "content-type: application/octet-stream";
            api.request("POST", path, &[&person.bearer(), file_type], file)
        };
        let location = send("/v1/documents", &base.save()).expect(201).header("location").to_owned();
        for (actor, name) in [(2, "Anna"), (3, "Anne")] {
            let mut device = base.fork().with_actor(ActorId::from([actor; 16].as_slice()));
            device.put(ROOT, "display_name", name).unwrap();
            send(&format!("{location}/import"), &device.save()).expect(200);
        }
        Self { location }
    }

    fn id(&self) -> &str {
        self.location.strip_prefix("/v1/documents/").unwrap()
    }
}

fn mine(api: &Api, person: &Person) -> Value {
    person.asks(api, "GET", "/v1/conflicts?for=me").expect(200).json()
}

/// Where the person's inbox is.
fn inbox(api: &Api, person: &Person) -> String {
    format!("/v1/documents/{}", mine(api, person)["inbox"].as_str().unwrap())
}

/// Waits until an inbox tells this of a conflict, and answers all that it holds.
fn until_told(api: &Api, person: &Person, id: &str, state: &str) -> Value {
    let inbox = inbox(api, person);
    until("the inbox to tell it", || {
        let held = person.asks(api, "GET", &inbox);
        let held = (held.status == 200).then(|| held.json())?;
        (held[id]["state"] == state).then_some(held)
    })
}

fn settle(api: &Api, person: &Person, id: &str) {
    let path = format!("/v1/conflicts/{id}/resolution");
    person.sends(api, "POST", &path, &json!({ "value": "Ann" })).expect(200);
}

#[test]
fn an_inbox_tells_what_concerns_its_account_and_what_became_of_it_to_nobody_else() {
    let api = start();
    let [ann, eve] = ["ann", "eve"].map(|name| Person::new(&api, name));
    let disputed = Disputed::by(&api, &ann);
    let id = mine(&api, &ann)["items"][0]["id"].as_str().unwrap().to_owned();
    let held = until_told(&api, &ann, &id, "open");
    let told = &held[&id];
    assert_eq!((&told["document"], &told["label"]), (&json!(disputed.id()), &json!("Name")));
    assert_eq!((&told["path"], &told["type"]), (&json!(["display_name"]), &json!("write_write")));
    assert_eq!(eve.asks(&api, "GET", &inbox(&api, &ann)).status, 404);
    assert_eq!(eve.asks(&api, "GET", &inbox(&api, &eve)).status, 404, "nothing concerns her");
    settle(&api, &ann, &id);
    let held = until_told(&api, &ann, &id, "settled");
    assert_eq!(held.as_object().unwrap().len(), 1, "each once");
}

#[test]
fn a_person_who_deletes_the_inbox_gets_another_with_what_is_open() {
    let api = start();
    let ann = Person::new(&api, "ann");
    Disputed::by(&api, &ann);
    let first = mine(&api, &ann)["items"][0]["id"].as_str().unwrap().to_owned();
    until_told(&api, &ann, &first, "open");
    let before = inbox(&api, &ann);
    ann.asks(&api, "DELETE", &before).expect(204);
    Disputed::by(&api, &ann);
    let second = mine(&api, &ann)["items"][0]["id"].as_str().unwrap().to_owned();
    let held = until("another inbox", || {
        let now = inbox(&api, &ann);
        let held = (now != before).then(|| ann.asks(&api, "GET", &now))?;
        (held.status == 200).then(|| held.json())
    });
    assert!(held[&first]["state"] == "open" && held[&second]["state"] == "open", "{held}");
}

#[test]
fn what_somebody_may_not_read_any_more_leaves_the_inbox() {
    let api = start();
    let [ann, ben] = ["ann", "ben"].map(|name| Person::new(&api, name));
    let disputed = Disputed::by(&api, &ann);
    let id = mine(&api, &ann)["items"][0]["id"].as_str().unwrap().to_owned();
    let grant = |person: &Person| format!("{}/grants/{}", disputed.location, person.account);
    ann.sends(&api, "PUT", &grant(&ben), &json!({ "role": "owner" })).expect(204);
    until_told(&api, &ann, &id, "open");
    ben.asks(&api, "DELETE", &grant(&ann)).expect(204);
    settle(&api, &ben, &id);
    let inbox = inbox(&api, &ann);
    until("it to leave", || {
        let held = ann.asks(&api, "GET", &inbox).expect(200).json();
        held.as_object().unwrap().is_empty().then_some(())
    });
}
