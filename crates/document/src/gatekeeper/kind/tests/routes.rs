//! Every way that writes into a document ends in changes, and they are judged alike.

use super::*;
use crate::{Author, Choice, Flags, Settlement};
use serde_json::json;
use tiebreak_protocol::DocumentId;

const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);

/// A group in which the server made Ann a member, and then an admin.
fn group() -> (Server, AutoCommit) {
    let (mut server, mut base) = Server::with("group", |device| {
        let roles = device.put_object(ROOT, "roles", ObjType::Map).unwrap();
        device.put(&roles, "ann", "admin").unwrap();
        device.put(ROOT, "name", "Chess").unwrap();
    });
    let roles = at(&base, &["roles"]);
    base.put(&roles, "ann", "member").unwrap();
    base.put(ROOT, "name", "Go").unwrap();
    assert_eq!(server.take(&mut base, Writer::Server), []);
    (server, base)
}

#[test]
fn undo_does_not_bring_back_what_the_server_took_away() {
    let (mut server, mut base) = group();
    // Undo writes what stood before.
    let before = base.get_changes(&[])[1].hash();
    let (role, _) = base.get_at(at(&base, &["roles"]), "ann", &[before]).unwrap().unwrap();
    let role = role.into_owned().into_scalar().unwrap();
    base.put(at(&base, &["roles"]), "ann", role).unwrap();
    assert_eq!(server.take(&mut base, Writer::Owner), refused(Refusal::ProtectedPath, "roles/ann"));
}

#[test]
fn a_restored_state_writes_no_protected_path() {
    // Restoring makes the document equal to what it was, by a change like any other.
    let (mut server, _) = group();
    let mut mine = Document::new();
    mine.merge(&checked(&mut server.device(8))).unwrap();
    let author = Author { actor: &[9; 4], time_s: 0 };
    let limits = Limits::default();
    let now = mine.to_json().unwrap();
    let was = json!({"@kind": "group", "roles": {"ann": "admin"}, "name": "Chess"});
    mine.transact(&author, &limits, |transaction| transaction.update(crate::path![], &now, &was)).unwrap();
    let changes: Vec<_> = mine.chunks().map(|chunk| check_change(chunk.clone(), &limits).unwrap()).collect();
    let judged = server.take_changes(changes, Writer::Owner);
    assert_eq!(judged, refused(Refusal::ProtectedPath, "roles/ann"));
}

#[test]
fn a_file_brings_no_protected_path_in() {
    let (mut server, mut base) = group();
    let mut file = fork(&mut base, 9);
    file.put(ROOT, "description", "From a file").unwrap();
    file.commit();
    file.put(at(&file, &["roles"]), "ann", "admin").unwrap();
    let (all, new) = (file.save(), file.save_after(&base.get_heads()));
    for saved in [all, new] {
        let read = Document::changes_from_file(saved.into(), &Limits::default()).unwrap();
        let judged = server.take_changes(read.changes, Writer::Owner);
        assert!(judged.is_empty() || judged == refused(Refusal::ProtectedPath, "roles/ann"), "{judged:?}");
    }
    assert_eq!(
        (&server.json()["roles"]["ann"], &server.json()["description"]),
        (&json!("member"), &json!("From a file"))
    );
}

#[test]
fn a_file_that_begins_a_document_is_judged_by_the_kind_it_names() {
    let judged = |json: Json| {
        let changes = Document::changes_from_json(&json, &[9; 4], 0, &Limits::default()).unwrap();
        let check = |change: crate::SavedChange| check_change(change.bytes, &Limits::default()).unwrap();
        Server::new().take_changes(changes.into_iter().map(check).collect(), Writer::Owner)
    };
    assert_eq!(judged(json!({"@kind": "group", "name": "Chess"})), []);
    assert_eq!(judged(json!({"@kind": "cart", "lines": {"shoe": {"qty": 2}}})), []);
    let roles = json!({"@kind": "group", "name": "Chess", "roles": {"ann": "admin"}});
    assert_eq!(judged(roles), refused(Refusal::ProtectedPath, "roles"));
    assert_eq!(judged(json!({"@kind": "group", "name": 1})), refused(Refusal::WrongType, "name"));
}

#[test]
fn settling_a_conflict_writes_no_protected_path() {
    // Two servers wrote apart: a conflict, for whoever has everything flagged.
    let (mut server, mut base) = group();
    for (number, role) in [(2, "guest"), (3, "judge")] {
        let mut itself = fork(&mut base, number);
        itself.put(at(&itself, &["roles"]), "ann", role).unwrap();
        assert_eq!(server.take(&mut itself, Writer::Server), []);
    }
    let mut mine = Document::new();
    mine.merge(&checked(&mut server.device(8))).unwrap();
    let conflict = mine.conflicts(DOCUMENT, &Flags::Everything).unwrap().remove(0);
    let before = server.json();
    let choices =
        [Choice::Candidate(conflict.candidates[0].id.clone()), Choice::Value(json!("admin")), Choice::Remove];
    for choice in choices {
        let settlement =
            Settlement { document: DOCUMENT, flags: Flags::Everything, conflict: conflict.id, choice };
        let author = Author { actor: &[9; 4], time_s: 0 };
        let change = mine.settlement(&settlement, &author, &Limits::default()).unwrap().unwrap();
        let judged = server.take_changes(vec![change], Writer::Owner);
        assert_eq!(judged, refused(Refusal::ProtectedPath, "roles/ann"));
    }
    assert_eq!(server.json(), before);
}

#[test]
fn changes_without_rules_are_admitted_as_before() {
    let (mut server, mut base) = group();
    base.delete(ROOT, "roles").unwrap();
    base.put(ROOT, "@kind", "cart").unwrap();
    let changes = checked(&mut base);
    let admitted = server.document.admit(changes, &Limits::default()).unwrap();
    assert_eq!((admitted.ready.len(), admitted.refused.len(), admitted.breaches.len()), (1, 0, 0));
}

#[test]
fn a_choice_that_fits_its_place_is_taken_like_any_edit() {
    let (mut server, mut base) = group();
    for (number, name) in [(2, "walkers"), (3, "runners")] {
        let mut device = fork(&mut base, number);
        device.put(ROOT, "name", name).unwrap();
        assert_eq!(server.take(&mut device, Writer::Editor), []);
    }
    let mut mine = Document::new();
    mine.merge(&checked(&mut server.device(8))).unwrap();
    let conflict = mine.conflicts(DOCUMENT, &Flags::Everything).unwrap().remove(0);
    for (number, choice) in [Choice::Value(json!("swimmers")), Choice::Remove].into_iter().enumerate() {
        let settlement =
            Settlement { document: DOCUMENT, flags: Flags::Everything, conflict: conflict.id, choice };
        let author = Author { actor: &[10 + number as u8; 4], time_s: 0 };
        let change = mine.settlement(&settlement, &author, &Limits::default()).unwrap().unwrap();
        assert_eq!(server.take_changes(vec![change], Writer::Editor), []);
    }
}
