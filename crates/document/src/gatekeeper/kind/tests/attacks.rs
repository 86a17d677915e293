//! Ways to write what only the server writes: each is refused to everybody else, and changes nothing.

use super::*;

/// What is done with the object that stands at a protected key of the root.
type Attack = (&'static str, fn(&mut AutoCommit, &str));

/// A protected object holds a text, a counter, a list and a map.
fn seed_object(device: &mut AutoCommit, key: &str) {
    let object = device.put_object(ROOT, key, ObjType::Map).unwrap();
    let ann = device.put_object(&object, "ann", ObjType::Map).unwrap();
    text(device, &ann, "role", "member");
    device.put(&ann, "points", ScalarValue::counter(1)).unwrap();
    let rights = device.put_object(&ann, "rights", ObjType::List).unwrap();
    device.insert(&rights, 0, "read").unwrap();
    device.insert(&rights, 1, "ask").unwrap();
}

fn rights(device: &AutoCommit, key: &str) -> ObjId {
    at(device, &[key, "ann", "rights"])
}

const ON_EVERYTHING: &[Attack] = &[
    ("put over it", |device, key| device.put(ROOT, key, "admin").unwrap()),
    ("delete it", |device, key| device.delete(ROOT, key).unwrap()),
    ("replace it by a map", |device, key| drop(device.put_object(ROOT, key, ObjType::Map).unwrap())),
    ("replace it by a list", |device, key| drop(device.put_object(ROOT, key, ObjType::List).unwrap())),
    ("replace it by a text", |device, key| text(device, &ROOT, key, "admin")),
    ("replace it by null", |device, key| device.put(ROOT, key, ScalarValue::Null).unwrap()),
    ("delete and set it", |device, key| {
        device.delete(ROOT, key).unwrap();
        device.put(ROOT, key, "admin").unwrap();
    }),
    ("hide it among much else", |device, key| {
        for number in 0..100 {
            device.put(ROOT, format!("note {number}"), number).unwrap();
        }
        device.delete(ROOT, key).unwrap();
    }),
];

const ON_OBJECTS: &[Attack] = &[
    ("put inside", |device, key| device.put(at(device, &[key]), "bob", "admin").unwrap()),
    ("delete inside", |device, key| device.delete(at(device, &[key]), "ann").unwrap()),
    ("replace a parent inside", |device, key| {
        let ann = device.put_object(at(device, &[key]), "ann", ObjType::Map).unwrap();
        device.put(&ann, "role", "admin").unwrap();
    }),
    ("make inside", |device, key| drop(device.put_object(at(device, &[key]), "bob", ObjType::Map).unwrap())),
    ("put deep inside", |device, key| device.put(at(device, &[key, "ann"]), "role", "admin").unwrap()),
    ("delete deep inside", |device, key| device.delete(at(device, &[key, "ann"]), "role").unwrap()),
    ("type into a text", |device, key| {
        device.splice_text(at(device, &[key, "ann", "role"]), 0, 6, "admin").unwrap();
    }),
    ("delete from a text", |device, key| {
        device.splice_text(at(device, &[key, "ann", "role"]), 0, 2, "").unwrap();
    }),
    ("mark a text", |device, key| {
        let mark = automerge::marks::Mark::new("link".into(), "admin", 0, 3);
        device.mark(at(device, &[key, "ann", "role"]), mark, automerge::marks::ExpandMark::Both).unwrap();
    }),
    ("split a text", |device, key| {
        drop(device.split_block(at(device, &[key, "ann", "role"]), 1).unwrap());
    }),
    ("count", |device, key| device.increment(at(device, &[key, "ann"]), "points", 5).unwrap()),
    ("count down", |device, key| device.increment(at(device, &[key, "ann"]), "points", -5).unwrap()),
    ("insert into a list", |device, key| device.insert(rights(device, key), 0, "write").unwrap()),
    ("append to a list", |device, key| device.insert(rights(device, key), 2, "write").unwrap()),
    ("write over an element", |device, key| device.put(rights(device, key), 1, "write").unwrap()),
    ("delete an element", |device, key| device.delete(rights(device, key), 0).unwrap()),
    ("make an element", |device, key| {
        drop(device.insert_object(rights(device, key), 0, ObjType::Map).unwrap());
    }),
    ("move an element", |device, key| {
        let rights = rights(device, key);
        device.delete(&rights, 1).unwrap();
        device.insert(&rights, 0, "ask").unwrap();
    }),
];

/// Attacks on a text that stands at a protected key.
const ON_TEXTS: &[Attack] = &[
    ("type into it", |device, key| device.splice_text(at(device, &[key]), 0, 0, "admin").unwrap()),
    ("delete from it", |device, key| device.splice_text(at(device, &[key]), 0, 2, "").unwrap()),
    ("replace a character", |device, key| device.splice_text(at(device, &[key]), 0, 1, "x").unwrap()),
    ("mark it", |device, key| {
        let mark = automerge::marks::Mark::new("link".into(), "admin", 0, 2);
        device.mark(at(device, &[key]), mark, automerge::marks::ExpandMark::None).unwrap();
    }),
];

/// Every protected path of the built-in kinds.
const PROTECTED: [(&str, &str); 6] = [
    ("profile", "username"),
    ("cart", "outcomes"),
    ("cart", "order"),
    ("group", "members"),
    ("group", "roles"),
    ("group", "outcomes"),
];

fn seeded(kind: &str, key: &str) -> (Server, AutoCommit) {
    Server::with(kind, |device| match kind {
        "profile" => text(device, &ROOT, key, "ann"),
        _ => seed_object(device, key),
    })
}

fn attacks_on(kind: &str) -> impl Iterator<Item = &'static Attack> {
    ON_EVERYTHING.iter().chain(if kind == "profile" { ON_TEXTS } else { ON_OBJECTS })
}

#[test]
fn protected_paths_of_the_built_in_kinds_stand_against_every_attack_by_every_role() {
    let mut rows = 0;
    for (kind, key) in PROTECTED {
        let (mut server, mut base) = seeded(kind, key);
        let before = server.json();
        for (what, attack) in attacks_on(kind) {
            for writer in [Writer::Owner, Writer::Editor] {
                let mut mallory = fork(&mut base, 9);
                attack(&mut mallory, key);
                let judged = server.take(&mut mallory, writer);
                let row = format!("{kind}: {what} at {key} as {writer:?}");
                assert_eq!(judged.len(), 1, "{row}");
                assert_eq!(judged[0].0, Refusal::ProtectedPath, "{row}");
                assert!(judged[0].1.starts_with(key), "{row}: named {}", judged[0].1);
                assert_eq!(server.json(), before, "{row}");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 2 * (6 * ON_EVERYTHING.len() + 5 * ON_OBJECTS.len() + ON_TEXTS.len()));
}

#[test]
fn the_server_itself_writes_protected_paths_in_all_these_ways() {
    for (kind, key) in PROTECTED {
        for (what, attack) in attacks_on(kind) {
            let (mut server, mut base) = seeded(kind, key);
            let mut itself = fork(&mut base, 9);
            attack(&mut itself, key);
            // Its own values are of the declared types, too.
            let judged = server.take(&mut itself, Writer::Server);
            assert!(judged.iter().all(|(refusal, _)| *refusal == Refusal::WrongType), "{what}: {judged:?}");
        }
    }
}

#[test]
fn the_way_to_what_was_written_is_named() {
    let (mut server, mut base) = seeded("group", "members");
    let mut named = |act: &dyn Fn(&mut AutoCommit)| {
        let mut mallory = fork(&mut base, 9);
        act(&mut mallory);
        server.take(&mut mallory, Writer::Editor).remove(0).1
    };
    assert_eq!(
        named(&|device| device.put(at(device, &["members", "ann"]), "role", 1).unwrap()),
        "members/ann/role"
    );
    assert_eq!(named(&|device| device.put(rights(device, "members"), 1, 1).unwrap()), "members/ann/rights/1");
    assert_eq!(
        named(&|device| device.insert(rights(device, "members"), 1, 1).unwrap()),
        "members/ann/rights"
    );
    assert_eq!(
        named(&|device| device.splice_text(at(device, &["members", "ann", "role"]), 1, 0, "x").unwrap()),
        "members/ann/role"
    );
    // Also inside of what the same change made in a place that is free.
    let nested = |device: &mut AutoCommit| {
        let members = device.put_object(ROOT, "roles", ObjType::Map).unwrap();
        device.put(&members, "bob", "admin").unwrap();
    };
    assert_eq!(named(&nested), "roles");
}

#[test]
fn an_object_is_protected_by_where_it_was_made_also_when_it_is_gone() {
    for is_replaced in [true, false] {
        for is_open in [true, false] {
            let (mut server, mut base) = seeded("group", "members");
            let old = [
                at(&base, &["members"]),
                at(&base, &["members", "ann"]),
                at(&base, &["members", "ann", "rights"]),
                at(&base, &["members", "ann", "role"]),
            ];
            let mut before_removal = fork(&mut base, 8);
            let mut itself = fork(&mut base, 2);
            match is_replaced {
                true => seed_object(&mut itself, "members"),
                false => itself.delete(ROOT, "members").unwrap(),
            }
            assert_eq!(server.take(&mut itself, Writer::Server), []);
            let before = server.json();
            if !is_open {
                server.document.close();
            }
            let writes: [fn(&mut AutoCommit, &[ObjId; 4]); 4] = [
                |device, old| device.put(&old[0], "mallory", "admin").unwrap(),
                |device, old| device.put(&old[1], "role", "admin").unwrap(),
                |device, old| device.insert(&old[2], 0, "write").unwrap(),
                |device, old| device.splice_text(&old[3], 0, 0, "admin ").unwrap(),
            ];
            for write in writes {
                for from in [&mut before_removal, &mut itself] {
                    let mut mallory = fork(from, 9);
                    write(&mut mallory, &old);
                    let judged = server.take(&mut mallory, Writer::Owner);
                    assert_eq!(judged[0].0, Refusal::ProtectedPath, "{judged:?}");
                    assert_eq!(judged.len(), 1);
                }
            }
            assert_eq!(server.json(), before);
        }
    }
}

#[test]
fn a_second_object_made_apart_under_a_protected_key_is_refused_whichever_comes_first() {
    let (mut server, mut base) = Server::with("group", |_| ());
    let mut mallory = fork(&mut base, 9);
    let members = mallory.put_object(ROOT, "members", ObjType::Map).unwrap();
    mallory.put(&members, "mallory", "admin").unwrap();
    assert_eq!(server.take(&mut mallory, Writer::Owner), refused(Refusal::ProtectedPath, "members"));
    seed_object(&mut base, "members");
    assert_eq!(server.take(&mut base, Writer::Server), []);
    assert_eq!(server.take(&mut mallory, Writer::Owner), refused(Refusal::ProtectedPath, "members"));
}

#[test]
fn names_that_only_look_like_protected_ones_are_places_of_their_own() {
    let (mut server, mut base) = seeded("group", "members");
    let members = server.json()["members"].clone();
    for key in [
        "members.ann.role",
        "members/ann/role",
        "/members/ann",
        "Members",
        "members ",
        "",
        "members\u{301}",
        "@kind.x",
    ] {
        base.put(ROOT, key, "admin").unwrap();
    }
    // An alias is a copy: what is written there is written there.
    seed_object(&mut base, "alias");
    base.put(at(&base, &["alias", "ann"]), "role", "admin").unwrap();
    assert_eq!(server.take(&mut base, Writer::Editor), []);
    assert_eq!(server.json()["members"], members);
}

#[test]
fn a_refused_change_is_refused_alone() {
    let (mut server, mut base) = seeded("group", "members");
    let (mut ann, mut mallory) = (fork(&mut base, 2), fork(&mut base, 9));
    ann.put(ROOT, "name", "Chess").unwrap();
    mallory.put(ROOT, "rules", "fair").unwrap();
    mallory.commit();
    mallory.put(ROOT, "members", "mallory").unwrap();
    mallory.commit();
    mallory.put(ROOT, "picture", "p.png").unwrap();
    let mut batch = checked(&mut mallory);
    let last = batch.last().unwrap().hash();
    batch.extend(checked(&mut ann));
    let admitted = server.judge(batch, Writer::Editor);
    assert_eq!((admitted.ready.len(), admitted.refused.len()), (2, 1));
    assert_eq!(admitted.refused[0].1, Refusal::ProtectedPath);
    assert_eq!(
        admitted.breaches,
        [Breach {
            change: admitted.refused[0].0.hash(),
            refusal: Refusal::ProtectedPath,
            path: vec!["members".into()]
        }]
    );
    // What depends on it waits for it, as for any change that is not here.
    assert_eq!(admitted.waiting.iter().map(CheckedChange::hash).collect::<Vec<_>>(), [last]);
}
