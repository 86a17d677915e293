//! What a kind allows whom, and what nobody gets past it.

mod attacks;
mod naming;
mod parents;
mod random;
mod routes;
mod types;

use super::{Breach, WriteRules, Writer};
use crate::path::Shown;
use crate::{Admitted, CheckedChange, Document, check_change};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use bytes::Bytes;
use serde_json::Value as Json;
use tiebreak_kinds::Kinds;
use tiebreak_protocol::{Limits, Refusal};

/// Protected places inside of what anybody makes, and places of the owner's.
const SHOP: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Shop", "x-tiebreak-kind": "shop", "x-tiebreak-version": 1, "type": "object",
    "properties": {
        "goods": {"type": "object", "additionalProperties": {"type": "object", "properties": {
            "title": {"type": "string"},
            "sold": {"type": "integer", "x-tiebreak-merge": "counter"},
            "price": {"type": "integer", "x-tiebreak-merge": "server"},
            "stock": {"type": "object", "x-tiebreak-merge": "server"}
        }}},
        "shelf": {"type": "array", "items": {"type": "object", "properties": {
            "price": {"type": "integer", "x-tiebreak-merge": "server"}
        }}},
        "board": {"type": "object", "properties": {
            "notice": {"type": "string", "x-tiebreak-write": "owner"},
            "chat": {"type": "string"}
        }},
        "settings": {"type": "object", "x-tiebreak-write": "owner"},
        "size": {"type": ["integer", "null"]}, "weight": {"type": "number"}, "open": {"type": "boolean"},
        "name": {"type": "string"}, "story": {"type": "string", "x-tiebreak-merge": "text"},
        "tags": {"type": "array", "items": {"type": "string"}, "x-tiebreak-merge": "union"},
        "visits": {"type": "integer", "x-tiebreak-merge": "counter"}
    }
}"#;

fn kinds() -> Kinds {
    Kinds::with_files([("shop.json".to_owned(), SHOP.to_owned())]).unwrap()
}

/// A device with the automerge library.
fn device(number: u8) -> AutoCommit {
    AutoCommit::new().with_actor(ActorId::from(&[number; 4]))
}

fn fork(device: &mut AutoCommit, number: u8) -> AutoCommit {
    device.fork().with_actor(ActorId::from(&[number; 4]))
}

fn checked(device: &mut AutoCommit) -> Vec<CheckedChange> {
    device.commit();
    let check = |change: &automerge::Change| {
        check_change(Bytes::copy_from_slice(change.raw_bytes()), &Limits::default()).unwrap()
    };
    device.get_changes(&[]).iter().map(check).collect()
}

/// A server that merges what is admitted.
struct Server {
    document: Document,
    kinds: Kinds,
}

/// Why a change was refused, and where.
type Refused = (Refusal, String);

impl Server {
    fn new() -> Self {
        Self { document: Document::new(), kinds: kinds() }
    }

    /// A document of this kind with what the server itself wrote in it, and a device that has all of it.
    fn with(kind: &str, seed: impl FnOnce(&mut AutoCommit)) -> (Self, AutoCommit) {
        let (mut server, mut base) = (Self::new(), device(1));
        base.put(ROOT, "@kind", kind).unwrap();
        base.commit();
        seed(&mut base);
        assert_eq!(server.take(&mut base, Writer::Server), []);
        (server, base)
    }

    fn judge(&mut self, changes: Vec<CheckedChange>, writer: Writer) -> Admitted {
        let writer = |_: &CheckedChange| writer;
        let rules = WriteRules { kinds: &self.kinds, writer: &writer };
        self.document.admit_as(changes, &Limits::default(), &rules).unwrap()
    }

    /// Takes what it lacks of a device's history, and answers what it refused.
    fn take(&mut self, device: &mut AutoCommit, writer: Writer) -> Vec<Refused> {
        self.take_changes(checked(device), writer)
    }

    fn take_changes(&mut self, changes: Vec<CheckedChange>, writer: Writer) -> Vec<Refused> {
        let admitted = self.judge(changes, writer);
        self.document.merge(&admitted.ready).unwrap();
        assert_eq!(admitted.refused.len(), admitted.breaches.len(), "{:?}", admitted.refused);
        let refused = admitted.refused.iter().zip(admitted.breaches);
        let named = refused.map(|((change, refusal), breach)| {
            assert_eq!((change.hash(), *refusal), (breach.change, breach.refusal));
            (breach.refusal, Shown(&breach.path).to_string())
        });
        named.collect()
    }

    fn json(&mut self) -> Json {
        self.document.to_json().unwrap()
    }

    /// Everything that is here, on another device.
    fn device(&mut self, number: u8) -> AutoCommit {
        let saved = self.document.snapshot().unwrap();
        AutoCommit::load(&saved).unwrap().with_actor(ActorId::from(&[number; 4]))
    }
}

fn at(device: &AutoCommit, path: &[&str]) -> ObjId {
    path.iter().fold(ROOT, |object, key| device.get(&object, *key).unwrap().unwrap().1)
}

fn text(device: &mut AutoCommit, object: &ObjId, key: &str, value: &str) {
    let text = device.put_object(object, key, ObjType::Text).unwrap();
    device.splice_text(&text, 0, 0, value).unwrap();
}

fn refused(refusal: Refusal, path: &str) -> Vec<Refused> {
    vec![(refusal, path.to_owned())]
}
