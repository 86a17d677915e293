//! What a document is stands fixed from its first change on.

use super::*;

type Write = fn(&mut AutoCommit);

fn put_cart(device: &mut AutoCommit) {
    device.put(ROOT, "@kind", "cart").unwrap();
}

/// As clients in JavaScript write strings, with a typing error and a mark.
fn type_cart(device: &mut AutoCommit) {
    let name = device.put_object(ROOT, "@kind", ObjType::Text).unwrap();
    device.splice_text(&name, 0, 0, "carp").unwrap();
    let bold = automerge::marks::Mark::new("bold".into(), true, 0, 2);
    device.mark(&name, bold, automerge::marks::ExpandMark::Both).unwrap();
    device.splice_text(&name, 3, 1, "t").unwrap();
}

/// Whether an order, which only the server writes, is refused to a device that knows the document.
fn is_cart(server: &mut Server, mut device: AutoCommit) -> bool {
    device.put_object(ROOT, "order", ObjType::Map).unwrap();
    match &server.take(&mut device, Writer::Editor)[..] {
        [] => false,
        [(Refusal::ProtectedPath, path)] if path == "order" => true,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_document_is_of_the_kind_that_its_first_change_names_as_a_value_or_as_a_text() {
    for name in [put_cart as Write, type_cart] {
        let mut ann = device(1);
        name(&mut ann);
        ann.put(ROOT, "gift", true).unwrap();
        let mut server = Server::new();
        assert_eq!(server.take(&mut ann, Writer::Editor), []);
        assert_eq!(server.json()["@kind"], "cart");
        assert!(is_cart(&mut server, fork(&mut ann, 2)));
        // The same when it was read back from the store.
        server.document.close();
        assert!(is_cart(&mut server, fork(&mut ann, 3)));
    }
}

#[test]
fn the_first_change_is_judged_by_the_kind_it_names_wherever_it_names_it() {
    for name in [put_cart as Write, type_cart] {
        for is_named_first in [true, false] {
            let mut ann = device(1);
            if is_named_first {
                name(&mut ann);
            }
            ann.put_object(ROOT, "order", ObjType::Map).unwrap();
            if !is_named_first {
                name(&mut ann);
            }
            let mut server = Server::new();
            assert_eq!(server.take(&mut ann, Writer::Editor), refused(Refusal::ProtectedPath, "order"));
            // It named nothing: the document is still to be begun.
            let mut bob = device(2);
            put_cart(&mut bob);
            assert_eq!(server.take(&mut bob, Writer::Editor), []);
        }
    }
}

#[test]
fn changes_that_came_with_the_first_one_are_judged_by_its_kind() {
    let mut ann = device(1);
    put_cart(&mut ann);
    ann.commit();
    ann.put(ROOT, "order", "mine").unwrap();
    let mut server = Server::new();
    let mut changes = checked(&mut ann);
    changes.reverse();
    assert_eq!(server.take_changes(changes, Writer::Editor), refused(Refusal::ProtectedPath, "order"));
    assert_eq!(server.json(), serde_json::json!({"@kind": "cart"}));
}

#[test]
fn nobody_writes_the_name_of_a_kind_after_the_first_change() {
    let writes: [(&str, Write); 9] = [
        ("puts", |device| device.put(ROOT, "@kind", "group").unwrap()),
        ("puts another and the same again", |device| {
            device.put(ROOT, "@kind", "group").unwrap();
            put_cart(device);
        }),
        ("types the same", type_cart),
        ("deletes", |device| device.delete(ROOT, "@kind").unwrap()),
        ("puts a map", |device| drop(device.put_object(ROOT, "@kind", ObjType::Map).unwrap())),
        ("puts a number", |device| device.put(ROOT, "@kind", 1).unwrap()),
        ("types", |device| {
            if let Some((automerge::Value::Object(_), text)) = device.get(ROOT, "@kind").unwrap() {
                device.splice_text(&text, 4, 0, "s").unwrap();
            } else {
                device.put(ROOT, "@kind", "carts").unwrap();
            }
        }),
        ("marks", |device| {
            if let Some((automerge::Value::Object(_), text)) = device.get(ROOT, "@kind").unwrap() {
                let mark = automerge::marks::Mark::new("bold".into(), true, 0, 2);
                device.mark(&text, mark, automerge::marks::ExpandMark::Both).unwrap();
            } else {
                device.put(ROOT, "@kind", "carts").unwrap();
            }
        }),
        ("deletes and puts again", |device| {
            device.delete(ROOT, "@kind").unwrap();
            put_cart(device);
        }),
    ];
    for name in [put_cart as Write, type_cart, |device| device.put(ROOT, "@kind", "unheard of").unwrap()] {
        let (mut ann, mut server) = (device(1), Server::new());
        name(&mut ann);
        assert_eq!(server.take(&mut ann, Writer::Owner), []);
        let before = server.json();
        for (what, write) in writes {
            for writer in [Writer::Server, Writer::Owner, Writer::Editor] {
                let mut bob = fork(&mut ann, 2);
                write(&mut bob);
                let judged = server.take(&mut bob, writer);
                assert_eq!(judged, refused(Refusal::KindFixed, "@kind"), "{what} as {writer:?}");
            }
        }
        assert_eq!(server.json(), before);
    }
}

#[test]
fn a_document_that_was_begun_without_a_kind_never_gets_one() {
    let mut ann = device(1);
    ann.put(ROOT, "order", "free").unwrap();
    let mut server = Server::new();
    assert_eq!(server.take(&mut ann, Writer::Editor), []);
    let mut later = fork(&mut ann, 2);
    put_cart(&mut later);
    assert_eq!(server.take(&mut later, Writer::Owner), refused(Refusal::KindFixed, "@kind"));
    for name in [put_cart as Write, type_cart] {
        let mut apart = device(3);
        name(&mut apart);
        assert_eq!(server.take(&mut apart, Writer::Owner), refused(Refusal::KindFixed, "@kind"));
    }
    assert!(!is_cart(&mut server, fork(&mut ann, 4)));
    // The key means nothing anywhere else.
    let map = ann.put_object(ROOT, "map", ObjType::Map).unwrap();
    ann.put(&map, "@kind", "cart").unwrap();
    ann.put(ROOT, "@kind2", "@kind").unwrap();
    assert_eq!(server.take(&mut ann, Writer::Editor), []);
}

#[test]
fn two_devices_may_begin_one_document_apart_if_they_name_the_same_kind() {
    for (one, other) in
        [(put_cart as Write, type_cart as Write), (type_cart, put_cart), (type_cart, type_cart)]
    {
        let (mut ann, mut bob, mut server) = (device(1), device(2), Server::new());
        one(&mut ann);
        other(&mut bob);
        bob.commit();
        bob.put(ROOT, "gift", true).unwrap();
        assert_eq!(server.take(&mut ann, Writer::Editor), []);
        assert_eq!(server.take(&mut bob, Writer::Editor), []);
        assert_eq!(server.json()["@kind"], "cart");
        // Both names are fixed, whichever of them is shown.
        for (actor, device) in [(3, &mut ann), (4, &mut bob)] {
            let mut later = fork(device, actor);
            later.delete(ROOT, "@kind").unwrap();
            assert_eq!(server.take(&mut later, Writer::Owner), refused(Refusal::KindFixed, "@kind"));
        }
        ann.merge(&mut bob).unwrap();
        assert!(is_cart(&mut server, fork(&mut ann, 5)));
    }
    let mut server = Server::new();
    for (number, kind, expected) in
        [(1, "cart", vec![]), (2, "group", refused(Refusal::KindFixed, "@kind")), (3, "cart", vec![])]
    {
        let mut device = device(number);
        device.put(ROOT, "@kind", kind).unwrap();
        assert_eq!(server.take(&mut device, Writer::Editor), expected);
    }
    // One that names none is judged by what the document is.
    let mut silent = device(4);
    silent.put(ROOT, "outcomes", 1).unwrap();
    assert_eq!(server.take(&mut silent, Writer::Editor), refused(Refusal::ProtectedPath, "outcomes"));
}

#[test]
fn a_name_is_one_short_text_written_once() {
    let long = "x".repeat(64);
    let named = |write: &dyn Fn(&mut AutoCommit)| {
        let mut ann = device(1);
        write(&mut ann);
        Server::new().take(&mut ann, Writer::Owner)
    };
    let wrong = refused(Refusal::WrongType, "@kind");
    assert_eq!(named(&|device| device.put(ROOT, "@kind", long.as_str()).unwrap()), []);
    assert_eq!(named(&|device| text(device, &ROOT, "@kind", &long)), []);
    assert_eq!(named(&|device| device.put(ROOT, "@kind", format!("{long}x")).unwrap()), wrong);
    assert_eq!(named(&|device| text(device, &ROOT, "@kind", &format!("{long}x"))), wrong);
    assert_eq!(named(&|device| text(device, &ROOT, "@kind", &"x".repeat(9_000))), wrong);
    assert_eq!(named(&|device| device.put(ROOT, "@kind", ScalarValue::Null).unwrap()), wrong);
    assert_eq!(named(&|device| drop(device.put_object(ROOT, "@kind", ObjType::List).unwrap())), wrong);
    let twice = |device: &mut AutoCommit| {
        type_cart(device);
        put_cart(device);
    };
    assert_eq!(named(&twice), refused(Refusal::KindFixed, "@kind"));
}

#[test]
fn a_change_without_operations_neither_names_a_kind_nor_begins_a_document() {
    let mut ann = device(1);
    ann.empty_change(automerge::transaction::CommitOptions::default());
    let mut server = Server::new();
    assert_eq!(server.take(&mut ann, Writer::Editor), []);
    put_cart(&mut ann);
    assert_eq!(server.take(&mut ann, Writer::Editor), []);
    assert!(is_cart(&mut server, fork(&mut ann, 2)));
}
