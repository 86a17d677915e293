//! Places above protected ones, and places of the owner's.

use super::*;
use crate::engine::tests::while_library_fails;

/// A shop with one priced thing in it, all made by the server.
fn shop() -> (Server, AutoCommit) {
    Server::with("shop", |device| {
        let goods = device.put_object(ROOT, "goods", ObjType::Map).unwrap();
        let shoe = device.put_object(&goods, "shoe", ObjType::Map).unwrap();
        device.put(&shoe, "price", 50).unwrap();
        let shelf = device.put_object(ROOT, "shelf", ObjType::List).unwrap();
        let hat = device.insert_object(&shelf, 0, ObjType::Map).unwrap();
        device.put(&hat, "price", 20).unwrap();
    })
}

type Act = fn(&mut AutoCommit);

#[test]
fn what_is_above_a_protected_place_is_neither_replaced_nor_removed() {
    let acts: [(Act, &str); 12] = [
        (|device| device.delete(ROOT, "goods").unwrap(), "goods"),
        (|device| device.put(ROOT, "goods", "sold out").unwrap(), "goods"),
        (|device| drop(device.put_object(ROOT, "goods", ObjType::Map).unwrap()), "goods"),
        (|device| device.delete(at(device, &["goods"]), "shoe").unwrap(), "goods/shoe"),
        (|device| device.put(at(device, &["goods"]), "shoe", 1).unwrap(), "goods/shoe"),
        (
            |device| drop(device.put_object(at(device, &["goods"]), "shoe", ObjType::Map).unwrap()),
            "goods/shoe",
        ),
        (|device| device.put(at(device, &["goods"]), "coat", 1).unwrap(), "goods/coat"),
        (|device| device.delete(ROOT, "shelf").unwrap(), "shelf"),
        (|device| device.delete(at(device, &["shelf"]), 0).unwrap(), "shelf/0"),
        (|device| device.put(at(device, &["shelf"]), 0, 1).unwrap(), "shelf/0"),
        (|device| drop(device.put_object(at(device, &["shelf"]), 0, ObjType::Map).unwrap()), "shelf/0"),
        (
            |device| {
                let shelf = at(device, &["shelf"]);
                device.insert_object(&shelf, 1, ObjType::Map).unwrap();
                device.delete(&shelf, 0).unwrap();
            },
            "shelf/0",
        ),
    ];
    for (act, path) in acts {
        for writer in [Writer::Editor, Writer::Owner] {
            let (mut server, mut base) = shop();
            let before = server.json();
            act(&mut base);
            assert_eq!(server.take(&mut base, writer), refused(Refusal::ProtectedPath, path));
            assert_eq!(server.json(), before);
        }
    }
}

#[test]
fn anybody_makes_what_is_above_a_protected_place_where_nothing_stands() {
    let (mut server, mut base) = Server::with("shop", |_| ());
    let goods = base.put_object(ROOT, "goods", ObjType::Map).unwrap();
    let shoe = base.put_object(&goods, "shoe", ObjType::Map).unwrap();
    base.put(&shoe, "title", "A shoe").unwrap();
    let shelf = base.put_object(ROOT, "shelf", ObjType::List).unwrap();
    base.insert_object(&shelf, 0, ObjType::Map).unwrap();
    base.insert_object(&shelf, 0, ObjType::Map).unwrap();
    assert_eq!(server.take(&mut base, Writer::Editor), []);
    // But not what is protected in it, whether it was made before or is made by the same change.
    let mut dear = fork(&mut base, 2);
    dear.put(&shoe, "price", 1).unwrap();
    assert_eq!(server.take(&mut dear, Writer::Editor), refused(Refusal::ProtectedPath, "goods/shoe/price"));
    let coat = base.put_object(&goods, "coat", ObjType::Map).unwrap();
    let stock = base.put_object(&coat, "stock", ObjType::Map).unwrap();
    base.put(&stock, "left", 9).unwrap();
    assert_eq!(server.take(&mut base, Writer::Editor), refused(Refusal::ProtectedPath, "goods/coat/stock"));
}

#[test]
fn what_the_server_removed_may_be_made_anew() {
    let (mut server, mut base) = shop();
    let mut itself = fork(&mut base, 2);
    itself.delete(at(&base, &["goods"]), "shoe").unwrap();
    assert_eq!(server.take(&mut itself, Writer::Server), []);
    itself.put_object(at(&base, &["goods"]), "shoe", ObjType::Map).unwrap();
    assert_eq!(server.take(&mut itself, Writer::Editor), []);
}

#[test]
fn a_second_parent_made_apart_does_not_take_the_place_of_the_first() {
    // Merged, read back from the store, or earlier in the same batch; whichever of the two the library would show.
    for (stands, apart) in [(2, 9), (9, 2)] {
        for is_one_batch in [true, false] {
            let (mut server, mut base) = Server::with("shop", |_| ());
            let (mut ann, mut mallory) = (fork(&mut base, stands), fork(&mut base, apart));
            for device in [&mut ann, &mut mallory] {
                let goods = device.put_object(ROOT, "goods", ObjType::Map).unwrap();
                device.put_object(&goods, "shoe", ObjType::Map).unwrap();
            }
            let (mut batch, second) = (checked(&mut ann), checked(&mut mallory));
            if !is_one_batch {
                assert_eq!(server.take_changes(std::mem::take(&mut batch), Writer::Editor), []);
                server.document.close();
            }
            batch.extend(second);
            assert_eq!(server.take_changes(batch, Writer::Editor), refused(Refusal::ProtectedPath, "goods"));
        }
    }
}

#[test]
fn only_owners_write_what_is_theirs_and_nobody_else_takes_away_what_is_above() {
    let seed = |device: &mut AutoCommit| {
        let board = device.put_object(ROOT, "board", ObjType::Map).unwrap();
        device.put(&board, "notice", "closed on Monday").unwrap();
        text(device, &board, "chat", "hello");
        let settings = device.put_object(ROOT, "settings", ObjType::Map).unwrap();
        device.put_object(&settings, "theme", ObjType::Map).unwrap();
    };
    let acts: [(Act, &str); 7] = [
        (|device| device.put(at(device, &["board"]), "notice", "open").unwrap(), "board/notice"),
        (|device| device.delete(at(device, &["board"]), "notice").unwrap(), "board/notice"),
        (|device| device.delete(ROOT, "board").unwrap(), "board"),
        (|device| drop(device.put_object(ROOT, "board", ObjType::Map).unwrap()), "board"),
        (|device| device.put(at(device, &["settings"]), "x", 1).unwrap(), "settings/x"),
        (|device| device.put(at(device, &["settings", "theme"]), "x", 1).unwrap(), "settings/theme/x"),
        (|device| device.delete(ROOT, "settings").unwrap(), "settings"),
    ];
    for (act, path) in acts {
        let (mut server, mut base) = Server::with("shop", seed);
        act(&mut base);
        assert_eq!(server.take(&mut base, Writer::Editor), refused(Refusal::OwnerOnly, path));
        assert_eq!(server.take(&mut base, Writer::Owner), []);
    }
    let (mut server, mut base) = Server::with("shop", seed);
    base.splice_text(at(&base, &["board", "chat"]), 0, 0, "oh, ").unwrap();
    assert_eq!(server.take(&mut base, Writer::Editor), []);
}

#[test]
fn each_change_of_a_batch_is_judged_by_its_own_writer() {
    let (mut server, mut base) = Server::with("shop", |_| ());
    let (mut owner, mut editor) = (fork(&mut base, 2), fork(&mut base, 3));
    owner.put_object(ROOT, "settings", ObjType::Map).unwrap();
    editor.put_object(ROOT, "settings", ObjType::Map).unwrap();
    let batch = [checked(&mut editor), checked(&mut owner)].concat();
    let writer =
        |change: &CheckedChange| if change.actor() == [2; 4] { Writer::Owner } else { Writer::Editor };
    let rules = WriteRules { kinds: &server.kinds, writer: &writer };
    let admitted = server.document.admit_as(batch, &Limits::default(), &rules).unwrap();
    assert_eq!((admitted.ready.len(), admitted.refused.len()), (1, 1));
    assert_eq!(admitted.refused[0].0.actor(), [3; 4]);
}

#[test]
fn breaches_past_the_first_hundred_of_a_batch_do_not_say_where() {
    let (mut server, mut base) = shop();
    let shelf = at(&base, &["shelf"]);
    let mut batch = Vec::new();
    for number in 0..101_u32 {
        let mut mallory = base.fork().with_actor(ActorId::from(&number.to_be_bytes()));
        mallory.delete(&shelf, 0).unwrap();
        batch.extend(checked(&mut mallory).pop());
    }
    let refused = server.take_changes(batch, Writer::Editor);
    let named = refused.iter().filter(|(_, path)| path == "shelf/0").count();
    assert_eq!((refused.len(), named), (101, 100));
}

#[test]
fn a_document_without_a_kind_is_not_looked_into() {
    let (mut server, mut base) = (Server::new(), device(1));
    let map = base.put_object(ROOT, "map", ObjType::Map).unwrap();
    assert_eq!(server.take(&mut base, Writer::Editor), []);
    base.put(&map, "key", "value").unwrap();
    assert_eq!(server.take(&mut base, Writer::Editor), []);
    assert!(!server.document.opened_before().has_noted_operations());
}

#[test]
fn nothing_is_admitted_while_the_library_cannot_say_what_the_document_is() {
    let (mut server, mut base) = shop();
    base.put(ROOT, "name", "Shop").unwrap();
    let changes = checked(&mut base);
    let admitted = while_library_fails(|| server.judge(changes.clone(), Writer::Editor));
    assert_eq!((admitted.ready.len(), admitted.refused[0].1), (0, Refusal::Quarantined));
    assert_eq!(server.take_changes(changes, Writer::Editor), []);
}
