//! Mutated changes with repaired checksums: what the gatekeeper accepts, the library must survive.

use crate::history::{History, Place};
use crate::random::Random;
use crate::{chunk, corpus, rewrite, script};
use automerge::Change;
use bytes::Bytes;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tiebreak_document::{CheckedChange, Document, check_change, split_chunks};
use tiebreak_protocol::{Limits, Refusal};

/// A change that was made at this history, and so fits it before it is mutated.
struct Scenario {
    history: History,
    before: Vec<CheckedChange>,
    document: RefCell<Document>,
    snapshot: Bytes,
    change: Change,
}

/// How changes are refused that refer to what is not there.
const UNFOUNDED: [Refusal; 2] = [Refusal::UnknownObject, Refusal::UnknownOperation];

#[test]
fn the_library_survives_every_mutation_that_is_accepted() {
    let mutate = |random: &mut Random, change: &Change| {
        let mut body = chunk::body(change.raw_bytes()).to_vec();
        mutate_bytes(random, &mut body);
        Bytes::from(chunk::plain(&body))
    };
    try_mutations(Random(0x9e37_79b9_7f4a_7c15), mutate);
}

#[test]
fn the_library_survives_every_rewritten_change_that_is_accepted() {
    let rewrite = |random: &mut Random, change: &Change| {
        let bytes = rewrite::rewrite(random, change);
        let verdict = check_change(bytes.clone(), &Limits::default());
        // The library wrote these bytes, so they are canonical by definition.
        assert_ne!(verdict.err(), Some(Refusal::NotCanonical), "{}", crate::hex(&bytes));
        bytes
    };
    try_mutations(Random(0x9e6c_63d0_876a_3f6b), rewrite);
}

#[test]
fn the_library_agrees_with_every_accepted_mutation_of_the_corpus() {
    let chunks: Vec<_> = corpus::files().into_iter().map(|(_, _, bytes)| bytes).collect();
    let chunks: Vec<_> =
        chunks.into_iter().flat_map(|bytes| split_chunks(bytes).unwrap_or_default()).collect();
    let bodies: Vec<_> =
        chunks.iter().map(|bytes| chunk::body(bytes)).filter(|body| body.len() < 2000).collect();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut accepted = 0;
    for _ in 0..crate::cases(20_000) {
        let mut body = bodies[random.below(bodies.len())].to_vec();
        mutate_bytes(&mut random, &mut body);
        accepted += u32::from(judge(&chunk::plain(&body).into()).is_ok());
    }
    assert!(accepted > crate::cases(20_000) / 100, "{accepted} accepted");
}

fn try_mutations(mut random: Random, mut mutate: impl FnMut(&mut Random, &Change) -> Bytes) {
    let scenarios = scenarios();
    let (mut accepted, mut joined) = (0, 0);
    let mut failures = BTreeMap::new();
    for _ in 0..crate::cases(10_000) {
        let scenario = &scenarios[random.below(scenarios.len())];
        let bytes = mutate(&mut random, &scenario.change);
        let Ok(checked) = judge(&bytes) else { continue };
        accepted += 1;
        let place = scenario.history.place(&checked);
        // How much of the history comes in one batch with the change makes no difference.
        let merged = scenario.before.len() - random.below(scenario.before.len() + 1) * random.below(2);
        let (mut document, verdict) = scenario.admit(&checked, merged);
        let agrees = match (place, &verdict) {
            (Place::Fits, Ok(_)) | (Place::Apart, Err(_)) => true,
            (Place::Unfounded, Err(Some(refusal))) => UNFOUNDED.contains(refusal),
            (Place::Fits | Place::Apart | Place::Unfounded, _) => false,
        };
        if !agrees {
            let verdict = verdict.as_ref().map(Vec::len);
            failures.entry(format!("{place:?} but {verdict:?}")).or_insert_with(|| crate::hex(&bytes));
        } else if let Ok(ready) = verdict {
            joined += 1;
            if let Err(reason) = join(&mut document, &ready) {
                failures.entry(reason).or_insert_with(|| crate::hex(&bytes));
            }
        }
    }
    assert_eq!(failures, BTreeMap::new());
    // Without these the test would test nothing.
    assert!(accepted > crate::cases(10_000) / 100, "{accepted} accepted");
    assert!(joined > crate::cases(10_000) / 200, "{joined} joined");
}

/// Runs the gatekeeper; what it accepts, the library must read the same way and write the same way again.
/// (What it refuses is not shown to the library, whose memory would not bear some of it.)
fn judge(bytes: &Bytes) -> Result<CheckedChange, Refusal> {
    let checked = check_change(bytes.clone(), &Limits::default())?;
    let change = Change::from_bytes(bytes.to_vec());
    let change = change.unwrap_or_else(|error| panic!("{error}: {}", crate::hex(bytes)));
    assert_eq!(change.len() as u64, checked.operations(), "{}", crate::hex(bytes));
    assert_eq!(change.hash().0, checked.hash().0, "{}", crate::hex(bytes));
    assert_eq!(checked.operations_iter().count(), change.len(), "{}", crate::hex(bytes));
    let encoded_again = Change::from(change.decode());
    assert_eq!(crate::hex(encoded_again.raw_bytes()), crate::hex(bytes));
    Ok(checked)
}

impl Scenario {
    fn new(before: &[Change], change: Change) -> Self {
        let history = History::of(before);
        let before: Vec<_> = before.iter().map(checked).collect();
        let mut document = Document::new();
        document.open().unwrap();
        document.merge(&before).unwrap();
        let snapshot = document.snapshot().unwrap();
        Self { history, before, document: RefCell::new(document), snapshot, change }
    }

    /// Gives `merged` of the changes before to a document, and then the others together with this one.
    /// Answers what is ready, or else why the change is not.
    fn admit(
        &self,
        change: &CheckedChange,
        merged: usize,
    ) -> (Document, Result<Vec<CheckedChange>, Option<Refusal>>) {
        let (merged, batch) = self.before.split_at(merged);
        let mut document = Document::from_stored(
            Some(self.snapshot.clone()),
            vec![],
            self.document.borrow().heads().clone(),
        );
        if !batch.is_empty() {
            document = Document::new();
            document.open().unwrap();
            document.merge(merged).unwrap();
        }
        let batch = batch.iter().chain([change]).cloned().collect();
        // A document that has served before has noted more of its history than a new one.
        let mut served_before = self.document.borrow_mut();
        let judge = if document.is_open() { &mut document } else { &mut *served_before };
        let admitted = judge.admit(batch, &Limits::default()).unwrap();
        let refusal = admitted.refused.first().map(|(_, refusal)| *refusal);
        let is_ready = admitted.ready.iter().any(|ready| ready.hash() == change.hash());
        (document, if is_ready { Ok(admitted.ready) } else { Err(refusal) })
    }
}

fn checked(change: &Change) -> CheckedChange {
    check_change(Bytes::copy_from_slice(change.raw_bytes()), &Limits::default()).unwrap()
}

/// Merges, saves, loads and reads.
fn join(document: &mut Document, ready: &[CheckedChange]) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        document.merge(ready).map_err(|error| error.to_string())?;
        document.snapshot().map_err(|error| error.to_string())?;
        document.to_json().map_err(|error| error.to_string()).map(drop)
    }));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default())
    })
}

fn scenarios() -> Vec<Scenario> {
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let scripts = proptest::collection::vec(crate::honest::edit(), 10..60);
    let mut scenarios = Vec::new();
    while scenarios.len() < 60 {
        let changes = script::play(&scripts.new_tree(&mut runner).unwrap().current());
        for at in [changes.len() / 2, changes.len() - 1] {
            let Some((change, before)) = changes.get(..=at).and_then(<[_]>::split_last) else { continue };
            if change.raw_bytes().len() < 2000 {
                scenarios.push(Scenario::new(before, change.clone()));
            }
        }
    }
    scenarios
}

fn mutate_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(9) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, random.next() as u8),
            4 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            5 | 6 => bytes[at] = bytes[at].wrapping_add([1, 0xff, 2, 0x10][random.below(4)]),
            7 => {
                let mut number = Vec::new();
                chunk::write_unsigned(random.next() >> random.below(64), &mut number);
                bytes.splice(at..=at, number);
            }
            _ => {
                let from = random.below(bytes.len());
                let length = random.below(16).min(bytes.len() - at.max(from));
                bytes.copy_within(from..from + length, at);
            }
        }
    }
}
