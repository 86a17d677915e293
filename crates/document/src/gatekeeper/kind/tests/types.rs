//! Which values a declared place takes.

use super::*;
use tiebreak_protocol::Refusal::WrongType;

type Act<'a> = &'a dyn Fn(&mut AutoCommit);

fn judged(act: Act<'_>) -> Vec<Refused> {
    let (mut server, mut base) = Server::with("shop", |device| {
        text(device, &ROOT, "story", "once");
        device.put(ROOT, "visits", ScalarValue::counter(1)).unwrap();
        device.put(ROOT, "size", 1).unwrap();
        let tags = device.put_object(ROOT, "tags", ObjType::List).unwrap();
        device.insert(&tags, 0, "new").unwrap();
    });
    act(&mut base);
    server.take(&mut base, Writer::Editor)
}

#[test]
fn a_value_is_of_a_type_that_its_place_takes() {
    let bytes = || ScalarValue::Bytes(vec![1]);
    let counter = || ScalarValue::counter(1);
    let takes: [(&str, Vec<ScalarValue>, Vec<ScalarValue>); 6] = [
        (
            "size",
            vec![1.into(), 1_u64.into(), 2.0.into(), ScalarValue::Timestamp(1), ScalarValue::Null],
            vec![
                1.5.into(),
                f64::NAN.into(),
                f64::INFINITY.into(),
                "1".into(),
                true.into(),
                counter(),
                bytes(),
            ],
        ),
        (
            "weight",
            vec![1.into(), 1_u64.into(), 1.5.into()],
            vec![f64::NAN.into(), "1".into(), ScalarValue::Null, counter()],
        ),
        ("open", vec![true.into()], vec![1.into(), "true".into(), ScalarValue::Null]),
        ("name", vec!["Ann".into()], vec![1.into(), true.into(), ScalarValue::Null, counter(), bytes()]),
        ("visits", vec![counter(), 1.into()], vec!["1".into(), 1.5.into(), ScalarValue::Null]),
        (
            "unheard of",
            vec![1.into(), 1.5.into(), f64::NAN.into(), "1".into(), ScalarValue::Null, counter(), bytes()],
            vec![],
        ),
    ];
    for (key, fitting, others) in takes {
        for value in fitting {
            assert_eq!(
                judged(&|device| device.put(ROOT, key, value.clone()).unwrap()),
                [],
                "{key} {value:?}"
            );
        }
        for value in others {
            let judged = judged(&|device| device.put(ROOT, key, value.clone()).unwrap());
            assert_eq!(judged, refused(WrongType, key), "{value:?}");
        }
    }
}

#[test]
fn an_object_stands_only_where_one_is_declared() {
    let shapes = [ObjType::Map, ObjType::List, ObjType::Text];
    let takes = [
        ("name", [false, false, true]),
        ("story", [false, false, true]),
        ("size", [false, false, false]),
        ("visits", [false, false, false]),
        ("tags", [false, true, false]),
        ("settings", [true, false, false]),
        ("goods", [true, false, false]),
        ("shelf", [false, true, false]),
        ("unheard of", [true, true, true]),
    ];
    for (key, fits) in takes {
        for (shape, fits) in shapes.into_iter().zip(fits) {
            let (mut server, mut base) = Server::with("shop", |_| ());
            base.put_object(ROOT, key, shape).unwrap();
            let expected = if fits { vec![] } else { refused(WrongType, key) };
            assert_eq!(server.take(&mut base, Writer::Owner), expected, "{shape:?}");
        }
    }
}

#[test]
fn what_is_inside_is_judged_as_well_also_in_what_the_same_change_makes() {
    let title = |device: &mut AutoCommit, value: ScalarValue| {
        let goods = device.put_object(ROOT, "goods", ObjType::Map).unwrap();
        let shoe = device.put_object(&goods, "shoe", ObjType::Map).unwrap();
        device.put(&shoe, "title", value).unwrap();
    };
    assert_eq!(judged(&|device| title(device, "A shoe".into())), []);
    assert_eq!(judged(&|device| title(device, 1.into())), refused(WrongType, "goods/shoe/title"));
    let tag =
        |device: &mut AutoCommit, value: ScalarValue| device.insert(at(device, &["tags"]), 0, value).unwrap();
    assert_eq!(judged(&|device| tag(device, "old".into())), []);
    assert_eq!(judged(&|device| tag(device, 1.into())), refused(WrongType, "tags"));
    assert_eq!(
        judged(&|device| device.put(at(device, &["tags"]), 0, 1).unwrap()),
        refused(WrongType, "tags/0")
    );
    assert_eq!(judged(&|device| device.delete(at(device, &["tags"]), 0).unwrap()), []);
}

#[test]
fn a_text_takes_text_marks_and_blocks_and_nothing_else() {
    let story = |device: &AutoCommit| at(device, &["story"]);
    assert_eq!(judged(&|device| device.splice_text(story(device), 1, 2, "é\u{1F600}").unwrap()), []);
    assert_eq!(judged(&|device| drop(device.split_block(story(device), 1).unwrap())), []);
    let mark = |device: &mut AutoCommit| {
        let mark = automerge::marks::Mark::new("bold".into(), true, 0, 2);
        device.mark(story(device), mark, automerge::marks::ExpandMark::Both).unwrap();
    };
    assert_eq!(judged(&mark), []);
    assert_eq!(judged(&|device| device.insert(story(device), 0, 1).unwrap()), refused(WrongType, "story"));
    let list = |device: &mut AutoCommit| drop(device.insert_object(story(device), 0, ObjType::List).unwrap());
    assert_eq!(judged(&list), refused(WrongType, "story"));
}

#[test]
fn increments_go_where_they_add_up() {
    assert_eq!(judged(&|device| device.increment(ROOT, "visits", 2).unwrap()), []);
    // The library would hide the number.
    let mut changes = Vec::new();
    let (mut server, mut base) = Server::with("shop", |device| device.put(ROOT, "size", 1).unwrap());
    base.put(ROOT, "size", 2).unwrap();
    base.commit();
    let mut expanded = base.get_last_local_change().unwrap().decode();
    expanded.operations[0].action = automerge::legacy::OpType::Increment(1);
    expanded.hash = None;
    let forged = automerge::Change::from(expanded);
    changes.push(check_change(Bytes::copy_from_slice(forged.raw_bytes()), &Limits::default()).unwrap());
    assert_eq!(server.take_changes(changes, Writer::Editor), refused(WrongType, "size"));
}

#[test]
fn whatever_a_kind_does_not_declare_is_free() {
    let free = |device: &mut AutoCommit| {
        let map = device.put_object(ROOT, "unheard of", ObjType::Map).unwrap();
        let list = device.put_object(&map, "list", ObjType::List).unwrap();
        device.insert(&list, 0, ScalarValue::Null).unwrap();
        device.insert_object(&list, 0, ObjType::Text).unwrap();
        device.put(&map, "price", 1).unwrap();
        device.delete(ROOT, "unheard of").unwrap();
    };
    assert_eq!(judged(&free), []);
}

#[test]
fn what_a_change_itself_takes_back_is_of_any_type() {
    let put = |device: &mut AutoCommit| device.put(ROOT, "size", ScalarValue::counter(1)).unwrap();
    let deleted = |device: &mut AutoCommit| {
        put(device);
        device.delete(ROOT, "size").unwrap();
    };
    let replaced = |device: &mut AutoCommit| {
        put(device);
        device.put(ROOT, "size", 2).unwrap();
    };
    let incremented = |device: &mut AutoCommit| {
        put(device);
        device.increment(ROOT, "size", 1).unwrap();
    };
    assert_eq!((judged(&deleted), judged(&replaced)), (vec![], vec![]));
    assert!(!judged(&incremented).is_empty(), "an increment leaves the counter standing");
}
