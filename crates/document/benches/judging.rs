//! What judging by a kind adds to admitting a change, in plain documents and in carts.
//!
//! `cargo bench -p tiebreak-document --bench judging`. The documents hold from 100 to 100,000 changes; what is judged
//! is one change with one operation, and one with a thousand.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjType, ROOT};
use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use tiebreak_document::{CheckedChange, Document, WriteRules, Writer, check_change};
use tiebreak_kinds::Kinds;
use tiebreak_protocol::Limits;

/// Lines of a cart.
const LINES: usize = 100;

/// A document with so many changes, and the change that comes next.
fn prepare(kind: Option<&str>, changes: usize, operations: usize) -> (Document, CheckedChange) {
    let mut device = AutoCommit::new().with_actor(ActorId::from(&[1; 16]));
    if let Some(kind) = kind {
        device.put(ROOT, "@kind", kind).unwrap();
    }
    let lines = device.put_object(ROOT, "lines", ObjType::Map).unwrap();
    let lines: Vec<_> =
        (0..LINES).map(|line| device.put_object(&lines, format!("{line}"), ObjType::Map).unwrap()).collect();
    device.commit();
    for change in 1..changes {
        device.put(&lines[change % LINES], "note", format!("{change}")).unwrap();
        device.commit();
    }
    let history: Vec<_> = device.get_changes(&[]).iter().map(checked).collect();
    for operation in 0..operations {
        device.put(&lines[operation % LINES], format!("note {operation}"), "next").unwrap();
    }
    device.commit();
    let mut document = Document::new();
    document.merge(&history).unwrap();
    (document, checked(&device.get_last_local_change().unwrap()))
}

fn checked(change: &automerge::Change) -> CheckedChange {
    check_change(Bytes::copy_from_slice(change.raw_bytes()), &Limits::default()).unwrap()
}

fn judging(criterion: &mut Criterion) {
    let kinds = Kinds::built_in();
    let writer = |_: &CheckedChange| Writer::Editor;
    let rules = WriteRules { kinds: &kinds, writer: &writer };
    let limits = Limits::default();
    for operations in [1, 1_000] {
        let mut group = criterion.benchmark_group(format!("{operations} operations"));
        for (name, kind) in [("plain", None), ("cart", Some("cart"))] {
            for changes in [100, 10_000, 100_000] {
                let (mut document, next) = prepare(kind, changes, operations);
                let batch = || vec![next.clone()];
                // What is noted of a history when it is first asked for is no part of this.
                assert_eq!(document.admit_as(batch(), &limits, &rules).unwrap().ready.len(), 1);
                group.bench_function(BenchmarkId::new(format!("{name}, no rules"), changes), |bencher| {
                    bencher.iter_batched(
                        batch,
                        |batch| document.admit(batch, &limits),
                        BatchSize::SmallInput,
                    );
                });
                group.bench_function(BenchmarkId::new(name, changes), |bencher| {
                    let judge = |batch| document.admit_as(batch, &limits, &rules);
                    bencher.iter_batched(batch, judge, BatchSize::SmallInput);
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = judging
}
criterion_main!(benches);
