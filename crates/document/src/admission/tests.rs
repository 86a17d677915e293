//! Which changes join a document, and which do not.

use super::{Admission, Admitted, Steps};
use crate::{CheckedChange, Document, SavedChange, check_change};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ExpandedChange, ObjType, PatchLog, ROOT};
use proptest::prelude::*;
use tiebreak_protocol::{Limits, Refusal};

pub(super) fn author(actor: u8) -> AutoCommit {
    AutoCommit::new().with_actor(ActorId::from(vec![actor; 16]))
}

pub(super) fn checked(change: &Change) -> CheckedChange {
    check_change(change.raw_bytes().to_vec().into(), &Limits::default()).unwrap()
}

pub(super) fn write(author: &mut AutoCommit, key: &str) -> CheckedChange {
    author.put(ROOT, key, author.get_actor().to_hex_string()).unwrap();
    author.commit().unwrap();
    checked(&author.get_last_local_change().unwrap())
}

/// The change as its author would have made it, but for what `alter` does to it.
pub(super) fn altered(change: &CheckedChange, alter: impl FnOnce(&mut ExpandedChange)) -> CheckedChange {
    let mut expanded = Change::from_bytes(change.bytes().to_vec()).unwrap().decode();
    alter(&mut expanded);
    expanded.hash = None;
    checked(&Change::from(expanded))
}

pub(super) fn document_with(changes: &[CheckedChange]) -> Document {
    let mut document = Document::new();
    document.open().unwrap();
    let admitted = document.admit(changes.to_vec(), &Limits::default()).unwrap();
    assert_eq!(admitted.ready.len(), changes.len(), "{:?}", admitted.refused);
    document.merge(&admitted.ready).unwrap();
    document
}

pub(super) fn verdict(document: &Document, change: CheckedChange) -> Result<&'static str, Refusal> {
    verdict_within(document, change, &Limits::default())
}

fn verdict_within(
    document: &Document,
    change: CheckedChange,
    limits: &Limits,
) -> Result<&'static str, Refusal> {
    let mut admission = Admission::new(document.opened_before(), document.heads(), limits);
    admission.run(vec![change]);
    let admitted = admission.verdicts;
    match (admitted.ready.len(), admitted.waiting.len(), admitted.refused.first()) {
        (_, _, Some((_, refusal))) => Err(*refusal),
        (1, 0, None) => Ok("ready"),
        (0, 1, None) => Ok("waiting"),
        (0, 0, None) => Ok("known"),
        other => panic!("one change, several verdicts: {other:?}"),
    }
}

#[test]
fn a_change_joins_once_and_is_known_from_then_on() {
    let mut ann = author(1);
    let change = write(&mut ann, "a");
    let document = document_with(std::slice::from_ref(&change));
    assert_eq!(verdict(&document, change), Ok("known"));
    assert_eq!(verdict(&document, write(&mut ann, "b")), Ok("ready"));
}

#[test]
fn a_second_change_for_one_actor_and_sequence_number_is_equivocation() {
    let first = write(&mut author(1), "a");
    let second = write(&mut author(1), "b");
    let document = document_with(std::slice::from_ref(&first));
    assert_eq!(verdict(&document, second.clone()), Err(Refusal::Equivocation));
    // Of two in one batch the first to be judged joins.
    let admitted = Document::new().admit(vec![first, second], &Limits::default()).unwrap();
    assert_eq!((admitted.ready.len(), admitted.refused.len()), (1, 1));
}

#[test]
fn a_change_waits_while_its_dependencies_are_missing() {
    let mut ann = author(1);
    let first = write(&mut ann, "a");
    let (second, third) = (write(&mut ann, "b"), write(&mut ann, "c"));
    let mut document = document_with(&[first]);
    assert_eq!(verdict(&document, third.clone()), Ok("waiting"));
    let admitted = document.admit(vec![third, second.clone()], &Limits::default()).unwrap();
    assert_eq!(admitted.ready.first(), Some(&second));
    assert_eq!(admitted.ready.len(), 2);
}

#[test]
fn a_sequence_number_that_skips_ahead_is_a_gap() {
    let mut ann = author(1);
    let document = document_with(&[write(&mut ann, "a")]);
    let skips = altered(&write(&mut ann, "b"), |change| change.seq = 3);
    assert_eq!(verdict(&document, skips), Err(Refusal::SequenceGap));
}

#[test]
fn a_change_that_does_not_know_its_actors_previous_one_is_a_gap() {
    let (mut ann, mut bob) = (author(1), author(2));
    let base = write(&mut bob, "base");
    ann.apply_changes([Change::from_bytes(base.bytes().to_vec()).unwrap()]).unwrap();
    let first = write(&mut ann, "a");
    let document = document_with(&[base.clone(), first]);
    let forgets =
        altered(&write(&mut ann, "b"), |change| change.deps = vec![automerge::ChangeHash(base.hash().0)]);
    assert_eq!(verdict(&document, forgets), Err(Refusal::SequenceGap));
}

#[test]
fn a_counter_that_does_not_pass_its_dependencies_is_refused_and_one_that_runs_ahead_waits() {
    let mut ann = author(1);
    let document = document_with(&[write(&mut ann, "a"), write(&mut ann, "b")]);
    let change = write(&mut ann, "c");
    let start_op = change.start_op();
    let with_start = |start: u64| altered(&change, |change| change.start_op = start.try_into().unwrap());
    assert_eq!(verdict(&document, with_start(start_op - 1)), Err(Refusal::OperationCounterOutOfRange));
    assert_eq!(verdict(&document, with_start(start_op)), Ok("ready"));
    assert_eq!(verdict(&document, with_start(start_op + 1)), Ok("waiting"));
    assert_eq!(verdict(&document, with_start((1 << 31) - 10)), Ok("waiting"));
}

#[test]
fn a_change_made_at_an_older_state_joins_though_its_counter_is_beyond_its_dependencies() {
    let mut automerge = automerge::Automerge::new().with_actor(ActorId::from(vec![1; 16]));
    for key in ["a", "b", "c"] {
        automerge.transact::<_, _, automerge::AutomergeError>(|t| t.put(ROOT, key, 1)).unwrap();
    }
    let all = automerge.get_changes(&[]);
    let old = vec![all[0].hash()];
    let mut transaction = automerge.transaction_at(PatchLog::inactive(), &old).unwrap();
    transaction.put(ROOT, "d", 1).unwrap();
    transaction.commit();
    let changes: Vec<_> = automerge.get_changes(&[]).iter().map(checked).collect();
    document_with(&changes);
}

#[test]
fn an_actor_that_is_only_spoken_of_is_unknown() {
    let (mut ann, mut bob) = (author(1), author(2));
    let base = write(&mut bob, "base");
    ann.apply_changes([Change::from_bytes(base.bytes().to_vec()).unwrap()]).unwrap();
    ann.delete(ROOT, "base").unwrap();
    ann.commit().unwrap();
    let refers = checked(&ann.get_last_local_change().unwrap());
    let orphan = altered(&refers, |change| change.deps.clear());
    let document = document_with(&[write(&mut author(3), "c")]);
    assert_eq!(verdict(&document, orphan), Err(Refusal::UnknownActor));
}

#[test]
fn nesting_to_the_limit_joins_and_one_level_more_does_not() {
    let mut ann = author(1);
    let mut object = ROOT;
    let mut changes = Vec::new();
    for _ in 0..=3 {
        object = ann.put_object(&object, "deeper", ObjType::Map).unwrap();
        ann.commit().unwrap();
        changes.push(checked(&ann.get_last_local_change().unwrap()));
    }
    let limits = Limits { depth_max: 3, ..Limits::default() };
    let admitted = Document::new().admit(changes.clone(), &limits).unwrap();
    assert_eq!(admitted.ready.len(), 3);
    assert_eq!(admitted.refused[0].1, Refusal::DepthExceeded);
    // The same when the objects above are in the document already.
    let document = document_with(&changes[..3]);
    assert_eq!(verdict_within(&document, changes[3].clone(), &limits), Err(Refusal::DepthExceeded));
}

#[test]
fn one_actor_one_head_and_one_byte_past_the_limits_are_refused() {
    let first = write(&mut author(1), "a");
    let document = document_with(std::slice::from_ref(&first));
    let change = write(&mut author(2), "b");
    let size = first.weight() + change.weight();
    let with = |limits: Limits| verdict_within(&document, change.clone(), &limits);
    let limits = Limits::default;
    assert_eq!(with(Limits { actors_per_document_max: 2, ..limits() }), Ok("ready"));
    assert_eq!(with(Limits { actors_per_document_max: 1, ..limits() }), Err(Refusal::TooManyActors));
    assert_eq!(with(Limits { heads_max: 2, ..limits() }), Ok("ready"));
    assert_eq!(with(Limits { heads_max: 1, ..limits() }), Err(Refusal::TooManyHeads));
    assert_eq!(with(Limits { document_bytes_max: size, ..limits() }), Ok("ready"));
    assert_eq!(with(Limits { document_bytes_max: size - 1, ..limits() }), Err(Refusal::DocumentTooLarge));
}

#[test]
fn what_compresses_well_counts_as_what_it_unfolds_to() {
    let mut ann = author(1);
    ann.put(ROOT, "zeros", "0".repeat(100_000)).unwrap();
    ann.commit().unwrap();
    let zeros = ann.get_last_local_change().unwrap().bytes().into_owned();
    let zeros = check_change(zeros.into(), &Limits::default()).unwrap();
    assert!(zeros.bytes().len() < 1_000 && zeros.weight() > 100_000);
    let list = ann.put_object(ROOT, "list", ObjType::List).unwrap();
    for index in 0..10_000 {
        ann.insert(&list, index, true).unwrap();
    }
    ann.commit().unwrap();
    let list = checked(&ann.get_last_local_change().unwrap());
    assert_eq!((list.plain_bytes().len() < 1_000, list.weight()), (true, 10_001 * 32));

    let mut document = document_with(std::slice::from_ref(&zeros));
    let max = zeros.weight() + list.weight();
    let within = |document: &Document, document_bytes_max| {
        verdict_within(document, list.clone(), &Limits { document_bytes_max, ..Limits::default() })
    };
    assert_eq!(within(&document, max), Ok("ready"));
    assert_eq!(within(&document, max - 1), Err(Refusal::DocumentTooLarge));
    // The same when it was read back from its changes, or from a snapshot.
    document.close();
    document.open().unwrap();
    assert_eq!(within(&document, max - 1), Err(Refusal::DocumentTooLarge));
    let snapshot = document.snapshot().unwrap();
    assert!(snapshot.len() < 1_000);
    document.compacted(snapshot, 1);
    for _ in 0..2 {
        assert_eq!(within(&document, list.weight() + 100_000), Err(Refusal::DocumentTooLarge));
        assert_eq!(within(&document, list.weight() + 100_100), Ok("ready"));
        document.close();
        document.open().unwrap();
    }
}

#[test]
fn a_document_that_is_never_closed_weighs_no_more_than_its_snapshot_and_what_came_after() {
    let mut ann = author(1);
    let mut changes: Vec<_> = (0..=100)
        .map(|number| {
            ann.put(ROOT, "key", number).unwrap();
            ann.commit().unwrap();
            checked(&ann.get_last_local_change().unwrap())
        })
        .collect();
    let next = changes.pop().unwrap();
    let mut document = document_with(&changes);
    let within = |document: &Document, document_bytes_max| {
        verdict_within(document, next.clone(), &Limits { document_bytes_max, ..Limits::default() })
    };
    let narrow = 100 * next.weight() / 2;
    assert_eq!(within(&document, narrow), Err(Refusal::DocumentTooLarge));
    let snapshot = document.snapshot().unwrap();
    document.compacted(snapshot, 100);
    assert_eq!(within(&document, narrow), Ok("ready"));
}

#[test]
fn a_snapshot_holds_the_whole_history_and_replaces_the_tail() {
    let mut ann = author(1);
    let changes: Vec<_> = (0..20).map(|n| write(&mut ann, &format!("key {n}"))).collect();
    let mut document = document_with(&changes);
    let json = document.to_json().unwrap();
    let snapshot = document.snapshot().unwrap();
    document.compacted(snapshot, 20);
    assert_eq!((document.tail_len(), document.chunks().count()), (0, 1));
    document.close();
    assert_eq!(document.to_json().unwrap(), json);
    assert_eq!(document.hashes_since(&[]).unwrap().len(), 20);
}

#[test]
fn json_goes_in_and_comes_out() {
    let json = serde_json::json!({
        "text": "hello \u{1F600}", "int": -3, "big": u64::MAX, "float": 1.5, "yes": true, "nothing": null,
        "list": [1, "two", {"three": [4]}], "empty": {"map": {}, "list": []}
    });
    let made = |json: &serde_json::Value| {
        Document::changes_from_json(json, &[7; 16], 1_700_000_000, &Limits::default())
    };
    let changes = made(&json).unwrap().into_iter();
    let changes: Vec<_> =
        changes.map(|change| check_change(change.bytes, &Limits::default()).unwrap()).collect();
    assert_eq!(document_with(&changes).to_json().unwrap(), json);
    let empty = made(&serde_json::json!({})).unwrap();
    check_change(empty[0].bytes.clone(), &Limits::default()).unwrap();
    assert!(made(&serde_json::json!([])).is_err());
    let mut deep = serde_json::json!({});
    for _ in 0..64 {
        deep = serde_json::json!({ "deeper": deep });
    }
    assert!(made(&deep).is_ok());
    let deeper = serde_json::json!({ "deeper": deep });
    assert!(made(&deeper).is_err());
}

#[test]
fn chunks_that_are_not_what_was_stored_do_not_open() {
    let mut ann = author(1);
    let changes: Vec<_> = (0..3).map(|n| write(&mut ann, &format!("key {n}"))).collect();
    let document = document_with(&changes);
    let tail: Vec<_> = changes
        .iter()
        .map(|change| SavedChange { hash: change.hash(), bytes: change.bytes().clone() })
        .collect();
    let mut missing_last = Document::from_stored(None, tail[..2].to_vec(), document.heads().clone());
    assert!(missing_last.open().is_err());
    missing_last.open_what_is_readable().unwrap();
    assert_eq!(missing_last.heads().as_slice(), [changes[1].hash()]);
    let mut missing_middle =
        Document::from_stored(None, vec![tail[0].clone(), tail[2].clone()], document.heads().clone());
    missing_middle.open_what_is_readable().unwrap();
    assert_eq!(missing_middle.heads().as_slice(), [changes[0].hash()]);
}

/// Judges a batch with so many steps to take; answers what is left of them, too.
fn judged_within(document: &Document, batch: Vec<CheckedChange>, steps: usize) -> (Admitted, usize) {
    let limits = Limits::default();
    let mut admission = Admission::new(document.opened_before(), document.heads(), &limits);
    admission.steps = Steps::only(steps);
    admission.run(batch);
    (admission.verdicts, admission.steps.left())
}

/// Ann's first change beside a long history of Bob's, before or after it by their counters, and a change
/// of hers that knows only Bob's.
fn forgotten_beside(changes_of_bob: usize, counter: u64) -> (Document, CheckedChange) {
    let (mut ann, mut bob) = (author(1), author(2));
    let chain: Vec<_> = (0..changes_of_bob).map(|n| write(&mut bob, &format!("{n}"))).collect();
    let first = altered(&write(&mut ann, "a"), |change| change.start_op = counter.try_into().unwrap());
    let second = altered(&write(&mut ann, "b"), |change| {
        change.start_op = (changes_of_bob as u64 + 1).try_into().unwrap();
        change.deps = vec![automerge::ChangeHash(chain.last().unwrap().hash().0)];
    });
    (document_with(&[chain, vec![first]].concat()), second)
}

#[test]
fn the_walk_back_to_an_authors_last_change_ends_below_its_counter() {
    let (document, forgets) = forgotten_beside(300, 300);
    let (admitted, left) = judged_within(&document, vec![forgets], 1_000);
    assert_eq!(admitted.refused[0].1, Refusal::SequenceGap);
    assert!(left > 990, "{left} of 1,000 steps are left");
}

#[test]
fn a_batch_has_so_many_steps_and_wasting_them_takes_none_from_others() {
    let (document, forgets) = forgotten_beside(300, 1);
    let waste = (0..50).map(|time| altered(&forgets, |change| change.time = time));
    let honest = write(&mut author(3), "c");
    let batch: Vec<_> = waste.chain([honest.clone()]).collect();
    let (admitted, left) = judged_within(&document, batch, 1_000);
    assert_eq!(admitted.ready, [honest]);
    assert_eq!(admitted.refused.len(), 50);
    assert!(admitted.refused.iter().all(|(_, refusal)| *refusal == Refusal::SequenceGap));
    assert_eq!(left, 0);
}

#[test]
fn an_author_who_names_its_last_change_takes_no_step() {
    let (mut ann, mut bob) = (author(1), author(2));
    let chain: Vec<_> = (0..100).map(|n| write(&mut bob, &format!("{n}"))).collect();
    let first = write(&mut ann, "a");
    let document = document_with(&[chain, vec![first]].concat());
    let (admitted, left) = judged_within(&document, vec![write(&mut ann, "b")], 0);
    assert_eq!((admitted.ready.len(), left), (1, 0));
}

#[test]
fn a_dependency_that_was_found_is_not_looked_up_again() {
    let mut bob = author(2);
    let mut chain: Vec<_> = (0..200).map(|n| write(&mut bob, &format!("{n}"))).collect();
    let joins_all = altered(&write(&mut bob, "last"), |change| {
        change.deps = chain.iter().map(|dep| automerge::ChangeHash(dep.hash().0)).collect();
        change.deps.sort();
    });
    // They come in the order in which they are waited for, after the one that waits.
    chain.insert(0, joins_all);
    let (document, limits) = (document_with(&[]), Limits::default());
    let mut admission = Admission::new(document.opened_before(), document.heads(), &limits);
    admission.run(chain);
    assert_eq!(admission.verdicts.ready.len(), 201);
    assert!(admission.deps_looked_up <= 2 * 201 + 199, "{}", admission.deps_looked_up);
}

#[test]
fn changes_ahead_of_each_other_join_in_the_order_of_their_counters() {
    // One author after the other writes beside the rest, counting from all that was there before.
    let changes = (1..=100_u8).map(|number| {
        altered(&write(&mut author(number), "a"), |change| {
            change.start_op = u64::from(number).try_into().unwrap();
        })
    });
    let (admitted, _) = judged_within(&document_with(&[]), changes.rev().collect(), 0);
    assert_eq!(admitted.ready.len(), 100);
    assert!(admitted.ready.is_sorted_by_key(CheckedChange::start_op));
}

#[test]
fn objects_made_in_a_batch_are_nested_as_deep_as_those_that_are_merged() {
    let mut ann = author(1);
    let mut object = ROOT;
    let mut changes = Vec::new();
    for _ in 0..6 {
        object = ann.put_object(&object, "deeper", ObjType::Map).unwrap();
        ann.commit().unwrap();
        changes.push(checked(&ann.get_last_local_change().unwrap()));
    }
    for merged in 0..6 {
        let mut document = document_with(&changes[..merged]);
        let rest = changes[merged..].to_vec();
        for (depth_max, ready) in [(5, 5 - merged.min(5)), (6, 6 - merged)] {
            let limits = Limits { depth_max, ..Limits::default() };
            assert_eq!(
                document.admit(rest.clone(), &limits).unwrap().ready.len(),
                ready,
                "{merged} {depth_max}"
            );
            document.opened_before().operations();
            assert_eq!(
                document.admit(rest.clone(), &limits).unwrap().ready.len(),
                ready,
                "{merged} {depth_max} noted"
            );
        }
    }
}

#[test]
fn what_hangs_on_a_lost_change_comes_back_when_devices_bring_it() {
    let mut ann = author(1);
    let changes: Vec<_> = (0..4).map(|n| write(&mut ann, &format!("key {n}"))).collect();
    let [first, lost, third, fourth] = &changes[..] else { panic!("four changes") };
    let saved = |change: &CheckedChange| SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
    let whole = document_with(&changes[..3]);
    for brought in [vec![lost], vec![lost, third], vec![fourth, third, lost]] {
        let tail = vec![saved(first), saved(third)];
        let mut damaged = Document::from_stored(None, tail, whole.heads().clone());
        damaged.open_what_is_readable().unwrap();
        assert_eq!((damaged.heads().as_slice(), damaged.tail_len()), (&[first.hash()][..], 1));
        assert!(!damaged.has(&lost.hash()) && !damaged.has(&third.hash()));
        // Alone, what hangs on the lost change waits for it.
        assert_eq!(verdict(&damaged, fourth.clone()), Ok("waiting"));
        let admitted = damaged.admit(brought.iter().copied().cloned().collect(), &Limits::default()).unwrap();
        assert_eq!(admitted.ready.len(), brought.len());
        damaged.merge(&admitted.ready).unwrap();
        let newest = admitted.ready.last().unwrap().hash();
        assert_eq!(damaged.heads().as_slice(), [newest]);
        assert_eq!(damaged.hashes_since(&[]).unwrap().len(), 1 + brought.len());
        // What a store holds by then: the third change came in before the lost one came back.
        let again = [saved(first), saved(third)].into_iter().chain(admitted.ready.iter().map(saved));
        let mut reopened = Document::from_stored(None, again.collect(), damaged.heads().clone());
        reopened.open().unwrap();
        assert_eq!(reopened.to_json().unwrap(), damaged.to_json().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_honest_history_joins_in_any_order_and_grouping(
        script in proptest::collection::vec((0_u8..4, 0_u8..6), 1..40),
        order in any::<u64>(),
        groups in 1_usize..5,
    ) {
        let mut authors: Vec<_> = (1..=4).map(author).collect();
        for (who, what) in script {
            let who = usize::from(who);
            if what == 5 {
                let (left, right) = authors.split_at_mut(who.max(1));
                left[0].merge(&mut right[0]).unwrap();
            } else {
                let author = &mut authors[who];
                author.put(ROOT, format!("key {what}"), format!("{what}")).unwrap();
                author.commit_with(CommitOptions::default().with_time(1));
            }
        }
        let mut all: std::collections::BTreeMap<_, _> = Default::default();
        for author in &mut authors {
            all.extend(author.get_changes(&[]).iter().map(|change| (change.hash().0, checked(change))));
        }
        let mut shuffled: Vec<_> = all.into_values().collect();
        let mut state = order;
        for end in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(end, (state >> 33) as usize % (end + 1));
        }
        let total = shuffled.len();
        let mut document = Document::new();
        document.open().unwrap();
        let mut waiting = Vec::new();
        for group in shuffled.chunks(total.div_ceil(groups).max(1)) {
            waiting.extend(group.to_vec());
            let admitted = document.admit(std::mem::take(&mut waiting), &Limits::default()).unwrap();
            prop_assert!(admitted.refused.is_empty(), "{:?}", admitted.refused);
            document.merge(&admitted.ready).unwrap();
            waiting = admitted.waiting;
        }
        prop_assert!(waiting.is_empty());
        prop_assert_eq!(document.hashes_since(&[]).unwrap().len(), total);
        let mut library = AutoCommit::new();
        for author in &mut authors {
            library.merge(author).unwrap();
        }
        let heads: tiebreak_protocol::Heads = library.get_heads().iter().map(|h| tiebreak_protocol::ChangeHash(h.0)).collect();
        prop_assert_eq!(document.heads(), &heads);
    }
}
