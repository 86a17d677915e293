//! Edit scripts: honest histories by several devices, made through the real library.

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Author, AutoCommit, Change, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};

/// One step; the numbers choose a device, what it does and where.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) device: u8,
    pub(crate) kind: u8,
    pub(crate) place: u16,
    pub(crate) amount: u16,
    pub(crate) text: String,
}

struct Device {
    document: AutoCommit,
    objects: Vec<(ObjId, ObjType)>,
}

/// Plays a script on three devices and answers all changes that came of it, in causal order.
pub(crate) fn play(edits: &[Edit]) -> Vec<Change> {
    let mut devices: Vec<Device> = (0..3).map(device).collect();
    for edit in edits {
        step(&mut devices, edit);
    }
    let (first, others) = devices.split_first_mut().unwrap();
    for other in others {
        first.document.merge(&mut other.document).unwrap();
    }
    first.document.get_changes(&[])
}

fn device(number: u8) -> Device {
    // One short, one usual and one long actor id, out of order.
    let actor = match number {
        0 => vec![0x80; 16],
        1 => vec![0xff; 32],
        _ => vec![0x07],
    };
    let author = (number == 1).then(|| Author::from(vec![9; 5]));
    let document = AutoCommit::new().with_actor(ActorId::from(actor)).with_author(author);
    Device { document, objects: vec![(ROOT, ObjType::Map)] }
}

fn step(devices: &mut [Device], edit: &Edit) {
    let index = usize::from(edit.device) % devices.len();
    if edit.kind.is_multiple_of(24) {
        let other = (index + 1) % devices.len();
        let [ours, theirs] = devices.get_disjoint_mut([index, other]).unwrap();
        ours.document.merge(&mut theirs.document).unwrap();
        for object in &theirs.objects {
            if !ours.objects.contains(object) {
                ours.objects.push(object.clone());
            }
        }
        return;
    }
    // A device that does not know the object, or a place that is not there, makes no edit.
    let device = &mut devices[index];
    if commit(&mut device.document, edit).is_none() {
        let at = usize::from(edit.place) % device.objects.len();
        let (object, kind) = device.objects[at].clone();
        let made = match kind {
            ObjType::Map | ObjType::Table => edit_map(&mut device.document, &object, edit),
            ObjType::List => edit_list(&mut device.document, &object, edit),
            ObjType::Text => edit_text(&mut device.document, &object, edit),
        };
        device.objects.extend(made);
    }
}

fn commit(document: &mut AutoCommit, edit: &Edit) -> Option<()> {
    let options = CommitOptions::default();
    match edit.kind % 24 {
        1 => drop(document.commit()),
        2 => drop(document.commit_with(options.with_message(edit.text.as_str()).with_time(-(1 << 62)))),
        3 => drop(document.commit_with(options.with_time(i64::from(edit.amount) << 20))),
        4 => drop(document.empty_change(options.with_time((1 << 62) - 1))),
        5 => {
            // Writes at the state it left itself, before it merged others. (Where an empty change of its
            // own is not in the state, the library forgets to count it.)
            let last = document.get_last_local_change();
            document.isolate(&last.iter().map(Change::hash).collect::<Vec<_>>());
            document.put(ROOT, format!("key {}", edit.amount % 5), scalar(edit)).ok();
            document.commit();
            document.integrate();
        }
        _ => return None,
    }
    Some(())
}

fn edit_map(document: &mut AutoCommit, object: &ObjId, edit: &Edit) -> Option<(ObjId, ObjType)> {
    let key =
        if edit.amount.is_multiple_of(7) { edit.text.clone() } else { format!("key {}", edit.amount % 5) };
    let done = match edit.kind % 24 {
        7 | 8 => {
            return make(edit).and_then(|kind| Some((document.put_object(object, key, kind).ok()?, kind)));
        }
        9 => document.delete(object, key),
        10 => document.put(object, key, ScalarValue::counter(i64::from(edit.amount) - 100)),
        11 => document.increment(object, key, i64::from(edit.amount) - 100),
        _ => document.put(object, key, scalar(edit)),
    };
    done.ok();
    None
}

fn edit_list(document: &mut AutoCommit, object: &ObjId, edit: &Edit) -> Option<(ObjId, ObjType)> {
    let length = document.length(object);
    let index = usize::from(edit.amount) % (length + 1);
    let done = match edit.kind % 24 {
        7 | 8 => {
            return make(edit)
                .and_then(|kind| Some((document.insert_object(object, index, kind).ok()?, kind)));
        }
        9 => document.delete(object, index),
        10 => document.insert(object, index, ScalarValue::counter(1)),
        11 => document.increment(object, index, -7),
        12 | 13 => document.put(object, index, scalar(edit)),
        14 => {
            let values = (0..edit.amount % 300).map(|number| ScalarValue::Int(i64::from(number / 3)));
            document.splice(object, index, (length - index).min(3) as isize, values)
        }
        _ => document.insert(object, index, scalar(edit)),
    };
    done.ok();
    None
}

fn edit_text(document: &mut AutoCommit, object: &ObjId, edit: &Edit) -> Option<(ObjId, ObjType)> {
    let length = document.length(object);
    let index = usize::from(edit.amount) % (length + 1);
    let end = (index + usize::from(edit.place) % 9).min(length);
    let expand = [ExpandMark::Before, ExpandMark::After, ExpandMark::Both, ExpandMark::None];
    let expand = expand[usize::from(edit.place) % 4];
    let done = match edit.kind % 24 {
        7 => return document.split_block(object, index).ok().map(|block| (block, ObjType::Map)),
        8 => document.join_block(object, index),
        9 => document.splice_text(object, index, (end - index) as isize, ""),
        10 | 11 => document.mark(object, Mark::new(edit.text.clone(), mark_value(edit), index, end), expand),
        12 => document.unmark(object, &edit.text, index, end, expand),
        13 => document.update_text(object, &edit.text),
        14 => document.splice_text(object, index, 0, &"many words, ".repeat(usize::from(edit.amount) % 30)),
        _ => document.splice_text(object, index, ((end - index) / 2) as isize, &edit.text),
    };
    done.ok();
    None
}

fn make(edit: &Edit) -> Option<ObjType> {
    [ObjType::Map, ObjType::List, ObjType::Text, ObjType::Text].get(usize::from(edit.place / 7) % 4).copied()
}

/// In debug builds the library stumbles over marks that are not equal to themselves.
fn mark_value(edit: &Edit) -> ScalarValue {
    let value = scalar(edit);
    if value.as_f64().is_some_and(f64::is_nan) { ScalarValue::Null } else { value }
}

fn scalar(edit: &Edit) -> ScalarValue {
    let number = i64::from(edit.amount) - 0x8000;
    match edit.place % 14 {
        0 => ScalarValue::Null,
        1 => ScalarValue::Boolean(true),
        2 => ScalarValue::Boolean(false),
        3 => ScalarValue::Uint(u64::MAX - u64::from(edit.amount)),
        4 => ScalarValue::Int(number << 40),
        5 => ScalarValue::F64(f64::from(edit.amount) / 7.0),
        6 => ScalarValue::F64(f64::NAN),
        7 => ScalarValue::Bytes(edit.text.clone().into_bytes()),
        8 => ScalarValue::Timestamp(number << 30),
        9 => ScalarValue::Timestamp(i64::MIN),
        10 => ScalarValue::counter(1 << 60),
        11 => ScalarValue::Int(number),
        _ => ScalarValue::Str(edit.text.as_str().into()),
    }
}
