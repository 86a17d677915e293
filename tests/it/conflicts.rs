//! Every conflict is found and recorded by a server's room, and nothing else: random histories, judged by the oracle.
//!
//! `TIEBREAK_SEEDS` asks for more histories, `TIEBREAK_SEED` for one.

use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::mistakes::{Mistake, with_mistake};
use tiebreak_document::{Conflict, Document, Flags, SavedChange, check_change};
use tiebreak_kinds::Kinds;
use tiebreak_protocol::{ConflictId, DocumentId, Heads, Limits};
use tiebreak_sync::room::{
    Answer, ConflictChange, Effect, Expected, Flagging, Input, Loaded, OpenConflict, PlainDocuments,
    Submitter, Ticket,
};
use tiebreak_sync::{Moment, Room};
use tiebreak_tests::dice::Dice;
use tiebreak_tests::oracle::histories::{History, Recorded};
use tiebreak_tests::oracle::judge::{Identities, judge};

const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);

const NOW: Moment = Moment { elapsed: Duration::ZERO, unix_ms: 0 };

const HISTORIES: u64 = 1_000;

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|seed| seed.parse::<u64>().ok());
    let all = 0..number("TIEBREAK_SEEDS").unwrap_or(HISTORIES);
    number("TIEBREAK_SEED").map_or(all, |seed| seed..seed + 1)
}

/// A server's room with its store, and what was recorded of conflicts.
struct Server {
    room: Room,
    tail: Vec<SavedChange>,
    heads: Heads,
    recorded: BTreeMap<ConflictId, Conflict>,
}

impl Server {
    fn new() -> Self {
        let mut server =
            Self { room: room(), tail: Vec::new(), heads: Heads::default(), recorded: BTreeMap::new() };
        server.input(Input::Loaded(Ok(None)));
        server
    }

    fn take(&mut self, batch: &[Recorded]) {
        let check = |recorded: &Recorded| {
            check_change(Bytes::copy_from_slice(&recorded.bytes), &Limits::default()).unwrap()
        };
        let changes = batch.iter().map(check).collect();
        let (expected, by) = (Expected::Anything, Submitter::default());
        self.input(Input::Submit { ticket: Ticket(0), expected, changes, by });
    }

    /// Does at once whatever the room wants of its store.
    fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut effects = self.room.handle(NOW, input);
            while self.room.is_turn_due() {
                effects.extend(self.room.take_turn(NOW));
            }
            for effect in effects {
                inputs.extend(self.perform(effect));
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nobody else takes part")]
    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Append { changes, heads, conflicts, .. } => {
                self.tail.extend(changes);
                self.heads = heads;
                conflicts.into_iter().for_each(|change| self.record(change));
                Some(Input::Appended(Ok(self.tail.len() as u64)))
            }
            Effect::Record { conflicts } => {
                conflicts.into_iter().for_each(|change| self.record(change));
                Some(Input::Recorded(Ok(())))
            }
            Effect::Compact => Some(Input::Compacted(None)),
            Effect::Answer { answer: Ok(Answer::Submitted { refused, .. }), .. } => {
                assert_eq!(refused, []);
                None
            }
            other => panic!("nobody asked for {other:?}"),
        }
    }

    fn record(&mut self, change: ConflictChange) {
        match change {
            ConflictChange::Open(open) => drop(self.recorded.insert(open.conflict.id, open.conflict)),
            ConflictChange::Closed(closed) => {
                assert!(self.recorded.remove(&closed.id).is_some(), "{} was not open", closed.id);
            }
        }
    }

    /// Another process goes on with what is stored.
    fn restart(&mut self) {
        self.room = room();
        let conflicts = self.recorded.values().map(|open| (open.register.clone(), OpenConflict::from(open)));
        let loaded = Loaded {
            tail: self.tail.clone(),
            through: self.tail.len() as u64,
            heads: self.heads.clone(),
            conflicts: conflicts.collect(),
            ..Loaded::default()
        };
        self.input(Input::Loaded(Ok(Some(Box::new(loaded)))));
    }

    fn open(&self) -> Vec<Conflict> {
        self.recorded.values().cloned().collect()
    }

    /// What the whole history says, as a server finds it that lost its records.
    fn rebuilt(&self) -> Vec<Conflict> {
        let mut stored = Document::from_stored(None, self.tail.clone(), self.heads.clone());
        let snapshot = stored.open().and_then(|()| stored.snapshot()).unwrap();
        let mut document = Document::from_stored(Some(snapshot), Vec::new(), self.heads.clone());
        document.conflicts(DOCUMENT, &Flags::Everything).unwrap()
    }
}

fn room() -> Room {
    let (room, _load) = Room::open(DOCUMENT, Arc::new(Limits::default()), NOW);
    room.flagging(Flagging { kinds: Kinds::built_in(), plain: PlainDocuments::Flagged })
}

fn run(seed: u64) -> Result<(), String> {
    let dice = &mut Dice::new(seed);
    let history = History::from_seed(seed).in_another_order(dice);
    let (mut server, mut arrived, mut identities) =
        (Server::new(), History::default(), Identities::default());
    let mut rest = history.changes.as_slice();
    while !rest.is_empty() {
        let size = usize::try_from(1 + dice.below(4)).unwrap().min(rest.len());
        let (batch, later) = rest.split_at(size);
        rest = later;
        batch.iter().for_each(|recorded| arrived.push(recorded.clone()));
        server.take(batch);
        if dice.one_in(8) {
            server.input(Input::Relieve);
        }
        if dice.one_in(16) {
            server.restart();
        }
        judge(&arrived, &server.open(), &mut identities)?;
    }
    judge(&arrived, &server.rebuilt(), &mut identities).map_err(|difference| format!("rebuilt: {difference}"))
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
