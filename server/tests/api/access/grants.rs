//! What is given, to connections that are open.

use super::connections::{NEW, opens};
use super::{Person, start};
use serde_json::json;
use tiebreak_protocol::DocumentId;

#[test]
fn a_share_opens_the_document_on_a_connection_that_has_asked_for_it() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    let mut his = bob.connects(&api);
    his.ask(document).unwrap();
    his.until("an answer", |peer| peer.is_unavailable(document)).unwrap();
    ann.gives(&api, document, &bob, "viewer");
    his.until("the document", |peer| peer.content(document).is_some_and(|content| !content.is_empty()))
        .unwrap();
}

#[test]
fn a_viewers_changes_reach_nobody_until_it_may_write() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "viewer");
    let (mut hers, mut his) = (ann.connects(&api), bob.connects(&api));
    opens(&mut hers, document);
    opens(&mut his, document);
    his.write(document, "his", 1).unwrap();
    his.until("a refusal", |peer| peer.is_refused(document, "read_only")).unwrap();
    let seen = ann.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200).json();
    assert_eq!(seen, json!({ "made": true }));
    // What was refused is asked for once it may be written.
    ann.gives(&api, document, &bob, "editor");
    his.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
    hers.until("his change", |peer| peer.value(document, "his") == Some(1)).unwrap();
}

#[test]
fn who_asked_for_a_document_before_it_was_made_gets_it_once_it_is_shared() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    for role in ["viewer", "editor"] {
        let document = DocumentId::from_bytes(role.as_bytes().repeat(3)[..16].try_into().unwrap());
        let mut his = bob.connects(&api);
        his.ask(document).unwrap();
        his.until("an answer", |peer| peer.is_unavailable(document)).unwrap();
        let mut hers = ann.connects(&api);
        hers.write(document, "key", 1).unwrap();
        hers.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
        ann.gives(&api, document, &bob, role);
        his.until("the document", |peer| peer.value(document, "key") == Some(1)).unwrap();
    }
}

#[test]
fn who_asked_for_what_another_device_of_the_account_made_later_gets_it() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let second = Person::on_another_device(&api, "ann");
    let (mut phone, mut laptop) = (ann.connects(&api), second.connects(&api));
    laptop.ask(NEW).unwrap();
    laptop.until("an answer", |peer| peer.is_unavailable(NEW)).unwrap();
    phone.write(NEW, "key", 1).unwrap();
    phone.until("the answer", |peer| peer.is_acknowledged(NEW)).unwrap();
    laptop.until("the document", |peer| peer.value(NEW, "key") == Some(1)).unwrap();
    laptop.write_as("laptop");
    laptop.hold(NEW, laptop.content(NEW).unwrap().clone());
    laptop.write(NEW, "key", 2).unwrap();
    phone.until("the other device's change", |peer| peer.value(NEW, "key") == Some(2)).unwrap();
}

#[test]
fn what_was_refused_while_a_right_was_gone_comes_when_it_is_given_back() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "editor");
    let (mut hers, mut his) = (ann.connects(&api), bob.connects(&api));
    opens(&mut hers, document);
    opens(&mut his, document);
    ann.takes(&api, document, &bob);
    his.until("the end", |peer| peer.is_refused(document, "access_denied")).unwrap();
    his.write(document, "his", 1).unwrap();
    his.until("a refusal", |peer| peer.refusals(document, "access_denied") == 2).unwrap();
    ann.gives(&api, document, &bob, "editor");
    his.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
    hers.until("his change", |peer| peer.value(document, "his") == Some(1)).unwrap();
}
