//! Hostile messages, taken all the way: sync message, gatekeeper, admission, merge, save and read.

use crate::chunk::{self, Place};
use bytes::Bytes;
use std::collections::BTreeMap;
use tiebreak_document::{Budget, Document, SyncMessage, check_change_within, split_chunks};
use tiebreak_protocol::Limits;

type Verdicts = BTreeMap<&'static str, usize>;
type MakeCase = fn() -> Case;

/// What is wrong with the verdicts, a line per message.
pub(crate) fn replay() -> Vec<String> {
    let cases: &[(&str, MakeCase)] = &[
        ("equivocation", equivocation),
        ("orphans", orphans),
        ("actors", actors),
        ("heads", heads),
        ("counters ahead", counters_ahead),
        ("makes", makes),
        ("bombs", bombs),
        ("forgotten", forgotten),
        ("dependencies one by one", dependencies_one_by_one),
    ];
    let mut wrong = Vec::new();
    for (name, case) in cases {
        let Case { before, message, expected } = case();
        let mut document = Document::new();
        let verdicts = receive(&mut document, before);
        assert!(verdicts.keys().all(|code| *code == "ready"), "{name}: {verdicts:?}");
        let verdicts = receive(&mut document, message);
        if verdicts != expected.iter().copied().collect() {
            wrong.push(format!("{name}: {verdicts:?}"));
        }
    }
    wrong
}

struct Case {
    /// Changes that are in the document.
    before: Vec<Bytes>,
    message: Vec<Bytes>,
    /// How many changes get which verdict.
    expected: Vec<(&'static str, usize)>,
}

/// What a session and a room do with a message.
fn receive(document: &mut Document, changes: Vec<Bytes>) -> Verdicts {
    let limits = Limits::default();
    let message = SyncMessage { changes, ..SyncMessage::default() }.encode();
    assert!(message.len() <= limits.message_bytes_max);
    let mut verdicts = Verdicts::new();
    let mut count = |code| *verdicts.entry(code).or_default() += 1;
    let mut budget = Budget::for_message(&limits);
    let mut checked = Vec::new();
    for run in SyncMessage::decode(&message).unwrap().changes {
        for chunk in split_chunks(run).unwrap() {
            match check_change_within(chunk, &limits, &mut budget) {
                Ok(change) => checked.push(change),
                Err(refusal) => count(refusal.code()),
            }
        }
    }
    let admitted = document.admit(checked, &limits).unwrap();
    admitted.refused.iter().for_each(|(_, refusal)| count(refusal.code()));
    admitted.waiting.iter().for_each(|_| count("waiting"));
    admitted.ready.iter().for_each(|_| count("ready"));
    document.merge(&admitted.ready).unwrap();
    document.snapshot().unwrap();
    document.to_json().unwrap();
    verdicts
}

/// Two changes by one actor in one place.
fn equivocation() -> Case {
    let change = |seq, start_op| chunk::change_of_put(&Place { deps: &[], actor: 1, seq, start_op });
    let message = vec![change(1, 1), chunk::change_of_makes(1, 2)];
    Case { before: vec![], message, expected: vec![("ready", 1), ("equivocation", 1)] }
}

/// Changes that depend on others that nobody has.
fn orphans() -> Case {
    let orphan = |number: u16| {
        let deps = [chunk::hash(&[&[0; 8][..], &number.to_be_bytes()].concat())];
        chunk::change_of_put(&Place { deps: &deps, actor: number, seq: 1, start_op: 2 })
    };
    Case { before: vec![], message: (0..20_000).map(orphan).collect(), expected: vec![("waiting", 20_000)] }
}

/// A new actor for every change.
fn actors() -> Case {
    let most = Limits::default().actors_per_document_max;
    let message = chain(0, most as u16 + 5, 1);
    Case { before: vec![], message, expected: vec![("ready", most), ("too_many_actors", 1), ("waiting", 4)] }
}

/// Changes side by side.
fn heads() -> Case {
    let most = Limits::default().heads_max;
    let change = |actor| chunk::change_of_put(&Place { deps: &[], actor, seq: 1, start_op: 1 });
    let message = (0..5_000).map(change).collect();
    Case { before: vec![], message, expected: vec![("ready", most), ("too_many_heads", 5_000 - most)] }
}

/// Changes whose counters are ahead of everything.
fn counters_ahead() -> Case {
    let change = |actor: u16| {
        let start_op = 1_000_000 - u64::from(actor);
        chunk::change_of_put(&Place { deps: &[], actor, seq: 1, start_op })
    };
    Case { before: vec![], message: (0..20_000).map(change).collect(), expected: vec![("waiting", 20_000)] }
}

/// A hundred thousand objects in every change of fifty bytes.
fn makes() -> Case {
    let message = (0..2_000).map(|actor| chunk::change_of_makes(actor, 100_000)).collect();
    // Of the two million operations that a message may hold, half go into a document.
    let expected = vec![("ready", 10), ("document_too_large", 10), ("message_too_large", 1_980)];
    Case { before: vec![], message, expected }
}

/// A megabyte in every change of a thousand bytes.
fn bombs() -> Case {
    let bomb = chunk::deflated(&vec![0; 1 << 20]);
    let expected = vec![("checksum_mismatch", 64), ("message_too_large", 1_936)];
    Case { before: vec![], message: vec![bomb; 2_000], expected }
}

/// An author's changes that forget the one before, so that it is looked for in a long history.
fn forgotten() -> Case {
    let mut before = chain(1, 1, 5_000);
    let tip = [chunk::hash(before.last().unwrap())];
    before.push(chunk::change_of_put(&Place { deps: &[], actor: 2, seq: 1, start_op: 1 }));
    let change = |rows: u64| {
        let place = Place { deps: &tip, actor: 2, seq: 2, start_op: 5_001 };
        chunk::change_of_puts(&place, rows)
    };
    Case { before, message: (1..=1_000).map(change).collect(), expected: vec![("sequence_gap", 1_000)] }
}

/// A change that depends on all others, which come in the order in which it waits for them.
fn dependencies_one_by_one() -> Case {
    let mut message = chain(1, 1, 5_000);
    let deps: Vec<_> = message.iter().map(|change| chunk::hash(change)).collect();
    let place = Place { deps: &deps, actor: 2, seq: 1, start_op: 5_001 };
    message.insert(0, chunk::change_of_put(&place));
    Case { before: vec![], message, expected: vec![("ready", 5_001)] }
}

/// Changes one after the other: so many by each of so many actors.
fn chain(first_actor: u16, actors: u16, changes: u64) -> Vec<Bytes> {
    let mut all: Vec<Bytes> = Vec::new();
    for actor in first_actor..first_actor + actors {
        for seq in 1..=changes {
            let deps: Vec<_> = all.last().map(|before| chunk::hash(before)).into_iter().collect();
            let start_op = all.len() as u64 + 1;
            all.push(chunk::change_of_put(&Place { deps: &deps, actor, seq, start_op }));
        }
    }
    all
}
