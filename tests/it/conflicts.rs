//! Every conflict is found, and nothing else: random histories, judged by the oracle.
//!
//! `TIEBREAK_SEEDS` asks for more histories, `TIEBREAK_SEED` for one.

use bytes::Bytes;
use std::collections::BTreeMap;
use tiebreak_document::mistakes::{Mistake, with_mistake};
use tiebreak_document::{Conflict, Document, Flags, check_change};
use tiebreak_protocol::{DocumentId, Limits};
use tiebreak_tests::dice::Dice;
use tiebreak_tests::oracle::histories::{History, Recorded};
use tiebreak_tests::oracle::judge::{Identities, judge};

const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);

const HISTORIES: u64 = 1_000;

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|seed| seed.parse::<u64>().ok());
    let all = 0..number("TIEBREAK_SEEDS").unwrap_or(HISTORIES);
    number("TIEBREAK_SEED").map_or(all, |seed| seed..seed + 1)
}

/// A replica that looks at what each batch of changes may have brought.
#[derive(Default)]
struct Replica {
    document: Document,
    open: BTreeMap<Vec<u8>, Conflict>,
}

impl Replica {
    fn take(&mut self, batch: &[Recorded]) {
        let check = |recorded: &Recorded| {
            check_change(Bytes::copy_from_slice(&recorded.bytes), &Limits::default()).unwrap()
        };
        let admitted = self.document.admit(batch.iter().map(check).collect(), &Limits::default()).unwrap();
        assert_eq!(admitted.refused, []);
        self.document.merge(&admitted.ready).unwrap();
        for reviewed in
            self.document.review(DOCUMENT, &Flags::Everything, &admitted.ready, self.open.len()).unwrap()
        {
            match reviewed.conflict {
                Some(conflict) => drop(self.open.insert(reviewed.register.0, conflict)),
                None => drop(self.open.remove(&reviewed.register.0)),
            }
        }
    }

    fn open(&self) -> Vec<Conflict> {
        self.open.values().cloned().collect()
    }

    /// What the whole history says, as a server finds it that lost its records.
    fn rebuilt(&self) -> Vec<Conflict> {
        let snapshot = self.document.snapshot().unwrap();
        let mut document = Document::from_stored(Some(snapshot), Vec::new(), self.document.heads().clone());
        document.conflicts(DOCUMENT, &Flags::Everything).unwrap()
    }
}

fn run(seed: u64) -> Result<(), String> {
    let dice = &mut Dice::new(seed);
    let history = History::from_seed(seed).in_another_order(dice);
    let (mut replica, mut arrived, mut identities) =
        (Replica::default(), History::default(), Identities::default());
    let mut rest = history.changes.as_slice();
    while !rest.is_empty() {
        let size = usize::try_from(1 + dice.below(4)).unwrap().min(rest.len());
        let (batch, later) = rest.split_at(size);
        rest = later;
        batch.iter().for_each(|recorded| arrived.push(recorded.clone()));
        replica.take(batch);
        if dice.one_in(8) {
            replica.document.close();
        }
        judge(&arrived, &replica.open(), &mut identities)?;
    }
    judge(&arrived, &replica.rebuilt(), &mut identities)
        .map_err(|difference| format!("rebuilt: {difference}"))
}

#[test]
fn the_conflicts_of_a_history_are_those_that_the_oracle_sees() {
    for seed in seeds() {
        let repeat = "cargo test -p tiebreak-tests --test it the_conflicts_of_a_history";
        if let Err(difference) = run(seed) {
            panic!("{difference}\nrepeat it with: TIEBREAK_SEED={seed} {repeat}");
        }
    }
}

#[test]
fn the_oracle_notices_every_mistake_that_detection_may_make() {
    for mistake in Mistake::ALL {
        let noticed = seeds().find_map(|seed| with_mistake(*mistake, || run(seed)).err().map(|_| seed));
        assert!(noticed.is_some(), "{mistake:?} goes unnoticed");
    }
}
