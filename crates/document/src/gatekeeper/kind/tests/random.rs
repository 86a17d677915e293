//! Whatever an editor sends, what stands at protected places stays as the server wrote it.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const KEYS: [&str; 10] =
    ["goods", "shelf", "board", "shoe", "coat", "price", "stock", "title", "@kind", "left"];

/// What an editor does: in which object, at which key or position, what.
type Step = (u16, u8, u8);

fn step() -> impl Strategy<Value = Step> {
    (any::<u16>(), 0_u8..KEYS.len() as u8, 0_u8..12)
}

/// Objects that a device has ever seen, also those that are gone.
fn gather(device: &AutoCommit, object: &ObjId, seen: &mut Vec<ObjId>) {
    if !seen.contains(object) {
        seen.push(object.clone());
    }
    let values: Vec<_> = match device.object_type(object).unwrap() {
        ObjType::Map | ObjType::Table => {
            device.keys(object).flat_map(|key| device.get_all(object, key).unwrap()).collect()
        }
        ObjType::List => {
            (0..device.length(object)).flat_map(|at| device.get_all(object, at).unwrap()).collect()
        }
        ObjType::Text => Vec::new(),
    };
    let objects: Vec<_> =
        values.into_iter().filter(|(value, _)| value.is_object()).map(|(_, id)| id).collect();
    for object in objects {
        gather(device, &object, seen);
    }
}

/// Does one thing, if the library lets it; it does not in objects that the device has not seen.
fn act(device: &mut AutoCommit, objects: &[ObjId], (object, key, what): Step) {
    let object = &objects[usize::from(object) % objects.len()];
    let Ok(object_type) = device.object_type(object) else { return };
    let name = KEYS[usize::from(key)];
    let shape = [ObjType::Map, ObjType::List, ObjType::Text][usize::from(key) % 3];
    let done = match object_type {
        ObjType::Map | ObjType::Table => match what {
            0..=2 => device.put(object, name, i64::from(what)),
            3 => device.put(object, name, ScalarValue::counter(3)),
            4..=6 => device.put_object(object, name, ObjType::Map).map(drop),
            7 => device.put_object(object, name, shape).map(drop),
            8 => device.increment(object, name, 7),
            _ => device.delete(object, name),
        },
        ObjType::List => {
            let length = device.length(object);
            let position = usize::from(key) % (length + 1);
            match what {
                0..=2 => device.insert(object, position, 1),
                3..=5 => device.insert_object(object, position, ObjType::Map).map(drop),
                6 | 7 if length > 0 => device.put(object, position % length, 1),
                8 if length > 0 => device.put_object(object, position % length, shape).map(drop),
                _ if length > 0 => device.delete(object, position % length),
                _ => Ok(()),
            }
        }
        ObjType::Text => {
            let length = device.length(object);
            let position = usize::from(key) % (length + 1);
            device.splice_text(object, position, isize::from(what % 2 == 0 && position < length), "x")
        }
    };
    drop(done);
}

/// What stands where only the server writes. Elements that were put between others have no price.
fn protected(json: &Json) -> (Json, BTreeMap<String, Json>, Vec<Json>) {
    let mut standing = BTreeMap::new();
    for (name, thing) in json["goods"].as_object().into_iter().flatten() {
        for key in ["price", "stock"] {
            standing.extend(thing.get(key).map(|value| (format!("{name}/{key}"), value.clone())));
        }
    }
    let shelf = json["shelf"].as_array().into_iter().flatten();
    (json["@kind"].clone(), standing, shelf.filter_map(|thing| thing.get("price").cloned()).collect())
}

fn seed(device: &mut AutoCommit) {
    let goods = device.put_object(ROOT, "goods", ObjType::Map).unwrap();
    for name in ["shoe", "hat"] {
        let thing = device.put_object(&goods, name, ObjType::Map).unwrap();
        device.put(&thing, "price", 50).unwrap();
        let stock = device.put_object(&thing, "stock", ObjType::Map).unwrap();
        device.put(&stock, "left", ScalarValue::counter(5)).unwrap();
        text(device, &stock, "title", "note");
    }
    let shelf = device.put_object(ROOT, "shelf", ObjType::List).unwrap();
    for position in 0..2 {
        let thing = device.insert_object(&shelf, position, ObjType::Map).unwrap();
        device.put(&thing, "price", 20 + position as i64).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_sequence_of_operations_by_editors_moves_what_the_server_wrote(
        rounds in proptest::collection::vec((any::<u16>(), proptest::collection::vec(step(), 1..3)), 1..32),
    ) {
        let (mut server, mut base) = Server::with("shop", |_| ());
        let early = fork(&mut base, 3);
        seed(&mut base);
        prop_assert_eq!(server.take(&mut base, Writer::Server), []);
        let mut objects = Vec::new();
        gather(&base, &ROOT, &mut objects);
        // Devices that fell behind write on what they know.
        let mut devices = vec![early, fork(&mut base, 2)];
        let (mut number, mut held_back) = (10_u32, Vec::new());
        for (from, steps) in rounds {
            number += 1;
            let actor = ActorId::from(&number.to_be_bytes());
            let at = usize::from(from) % devices.len();
            let mut editor = devices[at].fork().with_actor(actor.clone());
            if from % 5 == 0 {
                // The server goes on meanwhile, and now and then takes something away.
                let mut itself = server.device(0).with_actor(actor);
                let goods = super::at(&itself, &["goods"]);
                match itself.get(&goods, "shoe").unwrap() {
                    Some((_, shoe)) if from % 10 == 0 => itself.put(&shoe, "price", i64::from(number)).unwrap(),
                    Some(_) => itself.delete(&goods, "shoe").unwrap(),
                    None => seed(&mut itself),
                }
                prop_assert_eq!(server.take(&mut itself, Writer::Server), []);
                devices.push(itself);
                continue;
            }
            for step in steps {
                act(&mut editor, &objects, step);
            }
            gather(&editor, &ROOT, &mut objects);
            held_back.extend(checked(&mut editor));
            devices.push(editor);
            if from % 3 == 0 {
                // It comes later, among others.
                continue;
            }
            let before = protected(&server.json());
            let refused = server.take_changes(std::mem::take(&mut held_back), Writer::Editor);
            prop_assert_eq!(protected(&server.json()), before, "{:?}", refused);
            let mut now = server.device(0);
            now.set_actor(ActorId::from(&(number + 1_000_000).to_be_bytes()));
            devices.push(now);
        }
    }
}
