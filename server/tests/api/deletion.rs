//! What is deleted stays deleted, whoever still holds it.

use crate::support::{Api, JSON, device, write};
use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::Peer;

const ID: &str = "4NMNnkMhL8jXrdJ9jamS58PAVdXu";

#[test]
fn a_device_that_still_holds_a_deleted_document_cannot_bring_it_back() {
    let api = Api::start(&[]);
    let document: DocumentId = ID.parse().unwrap();
    let location = format!("/v1/documents/{ID}");
    let mut peer = Peer::connect(api.server.address(), "peer");
    peer.write(document, "a", 1).unwrap();
    peer.until("the change to be durable", |peer| peer.is_acknowledged(document)).unwrap();
    assert_eq!(api.get(&location).expect(200).json()["a"], 1);

    api.request("DELETE", &location, &[], b"").expect(204);
    let held = peer.content(document).unwrap().clone();
    let mut back = Peer::connect(api.server.address(), "back");
    back.hold(document, held.clone());
    back.write(document, "a", 2).unwrap();
    back.until("the server to decline", |peer| peer.is_unavailable(document)).unwrap();
    assert_eq!(api.get(&location).expect(410).code(), "document_deleted");

    let api = api.restart();
    let mut later = Peer::connect(api.server.address(), "later");
    later.hold(document, held);
    later.write(document, "a", 3).unwrap();
    later.until("the server to decline", |peer| peer.is_unavailable(document)).unwrap();
    assert_eq!(api.get(&location).expect(410).code(), "document_deleted");
    assert_eq!(api.get(&format!("{location}/history")).expect(410).code(), "document_deleted");
    let mut again = device(1);
    write(&mut again, "a", 4);
    assert_eq!(api.import(&location, &again.save()).expect(410).code(), "document_deleted");
    let created = api.request("POST", &format!("/v1/documents?id={ID}"), &[JSON], b"{}").expect(410);
    assert_eq!(created.code(), "document_deleted");
    assert_eq!(api.request("DELETE", &location, &[], b"").expect(410).code(), "document_deleted");
    assert_eq!(api.get("/v1/documents").json()["items"], serde_json::json!([]));
}
