//! What detection adds to a merge: the same merges with and without a look at what they brought.
//!
//! `cargo bench -p tiebreak-document`. Two devices write apart again and again, into documents that hold from 100 to
//! 100,000 changes; what is measured is the merge of the second one's change, which the first one has not seen.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use tiebreak_document::{CheckedChange, Document, Flags, check_change};
use tiebreak_protocol::{DocumentId, Limits};

const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);

/// Maps in a document, as apps that nest have them.
const MAPS: usize = 100;

/// Rounds of edits apart that are prepared for a document.
const ROUNDS: usize = 1_000;

/// What the two devices write.
#[derive(Clone, Copy)]
enum Writes {
    /// Into the same map, under keys of their own.
    Beside,
    /// The same key.
    Against,
}

struct Prepared {
    history: Vec<CheckedChange>,
    /// Of each round the first device's change, then the second's.
    rounds: Vec<[CheckedChange; 2]>,
}

fn prepare(changes: usize, writes: Writes) -> Prepared {
    let mut first = AutoCommit::new().with_actor(ActorId::from(&[1; 16]));
    let maps: Vec<_> =
        (0..MAPS).map(|map| first.put_object(ROOT, format!("{map}"), ObjType::Map).unwrap()).collect();
    first.commit();
    for change in 1..changes {
        first.put(&maps[change % MAPS], format!("{}", change / MAPS % 50), change as i64).unwrap();
        first.commit();
    }
    let history = checked(&mut first, &[]);
    let mut second = first.fork().with_actor(ActorId::from(&[2; 16]));
    let key = |device: &str| match writes {
        Writes::Beside => device.to_owned(),
        Writes::Against => "both".to_owned(),
    };
    let rounds = (0..ROUNDS).map(|round| {
        let map = &maps[round % MAPS];
        let changes =
            [write(&mut first, map, &key("first"), round), write(&mut second, map, &key("second"), round)];
        first.merge(&mut second).unwrap();
        second.merge(&mut first).unwrap();
        changes
    });
    Prepared { rounds: rounds.collect(), history }
}

fn write(device: &mut AutoCommit, map: &ObjId, key: &str, round: usize) -> CheckedChange {
    let before = device.get_heads();
    let value = format!("{round} by {}", device.get_actor());
    device.put(map, key, value).unwrap();
    device.commit();
    checked(device, &before).pop().unwrap()
}

fn checked(device: &mut AutoCommit, since: &[automerge::ChangeHash]) -> Vec<CheckedChange> {
    let check = |change: &automerge::Change| {
        check_change(Bytes::copy_from_slice(change.raw_bytes()), &Limits::default()).unwrap()
    };
    device.get_changes(since).iter().map(check).collect()
}

/// Whether merges are looked at.
#[derive(Clone, Copy)]
enum Detection {
    Off,
    On,
}

/// Merges as many rounds as asked, and times the second changes.
fn merge(prepared: &Prepared, detection: Detection, count: u64) -> Duration {
    let (mut spent, mut left) = (Duration::ZERO, count);
    while left > 0 {
        let mut document = Document::new();
        document.merge(&prepared.history).unwrap();
        // The first look walks the whole history, once while a document is open: measured by itself.
        if matches!(detection, Detection::On) {
            document.conflicts(DOCUMENT, &Flags::Everything).unwrap();
        }
        let mut open = 0;
        for [first, second] in &prepared.rounds {
            step(&mut document, first, detection, &mut open);
            let begun = Instant::now();
            step(&mut document, second, detection, &mut open);
            spent += begun.elapsed();
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    spent
}

fn step(document: &mut Document, change: &CheckedChange, detection: Detection, open: &mut usize) {
    let changes = std::slice::from_ref(change);
    document.merge(changes).unwrap();
    if matches!(detection, Detection::On) {
        let reviewed = document.review(DOCUMENT, &Flags::Everything, changes, *open).unwrap();
        *open = 1 + reviewed.len();
    }
}

fn detection(criterion: &mut Criterion) {
    for (name, writes) in [("beside", Writes::Beside), ("against", Writes::Against)] {
        let mut group = criterion.benchmark_group(format!("merge, {name}"));
        group.sample_size(10).measurement_time(Duration::from_secs(3));
        for changes in [100, 1_000, 10_000, 100_000] {
            let prepared = prepare(changes, writes);
            for (detection_name, detection) in [("without", Detection::Off), ("with", Detection::On)] {
                group.bench_with_input(
                    BenchmarkId::new(detection_name, changes),
                    &prepared,
                    |bencher, prepared| {
                        bencher.iter_custom(|count| merge(prepared, detection, count));
                    },
                );
            }
        }
    }
}

/// The walk over a history that the first change apart costs, next to opening the document.
fn first_look(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("first look");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for changes in [100, 1_000, 10_000, 100_000] {
        let prepared = prepare(changes, Writes::Beside);
        let mut whole = Document::new();
        whole.merge(&prepared.history).unwrap();
        let (snapshot, heads) = (whole.snapshot().unwrap(), whole.heads().clone());
        let stored = || Document::from_stored(Some(snapshot.clone()), Vec::new(), heads.clone());
        group.bench_function(BenchmarkId::new("open", changes), |bencher| {
            bencher.iter(|| stored().open().unwrap());
        });
        group.bench_function(BenchmarkId::new("open and look", changes), |bencher| {
            bencher.iter(|| stored().conflicts(DOCUMENT, &Flags::Everything).unwrap());
        });
    }
}

criterion_group!(benches, detection, first_look);
criterion_main!(benches);
