//! Replica behaviour: what counts as pending, what is shown of it, and when.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one effect among all")]

mod connections;
mod hostile;
mod pending;
mod refused;
mod storage;

use super::*;
use crate::access::Access;
use crate::room::{Answer, Loaded, Received};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT};
use tiebreak_document::{CheckedChange, EditError, Have, NewValue, SavedChange, SyncMessage, check_change};

const NOW: Moment = Moment { elapsed: Duration::ZERO, unix_ms: 1_000 };
const ME: Author<'static> = Author { actor: b"this device", time_s: 1 };

fn info(session: u64) -> Arc<PeerInfo> {
    let peer = "server".parse().unwrap();
    Arc::new(PeerInfo { session: SessionId(session), peer, storage: None, extended: true, account: None })
}

fn heads(hashes: &[ChangeHash]) -> Heads {
    hashes.iter().copied().collect()
}

/// Somebody else, who makes changes one at a time.
struct Other(AutoCommit);

impl Other {
    fn new(actor: u8) -> Self {
        Self(AutoCommit::new().with_actor(ActorId::from(vec![actor; 16])))
    }

    fn write(&mut self, value: i64) -> CheckedChange {
        self.0.put(ROOT, format!("key {value}"), value).unwrap();
        self.0.commit().unwrap();
        let mut change = self.0.get_last_local_change().unwrap();
        check_change(change.bytes().into_owned().into(), &Limits::default()).unwrap()
    }
}

/// A replica and what is on its disk.
struct TestReplica {
    replica: Replica,
    disk: Loaded,
    next_ticket: u64,
}

impl TestReplica {
    /// Not read yet.
    fn unread() -> Self {
        let id = DocumentId::from_bytes([1; 16]);
        let (replica, effects) = Replica::open(id, Arc::new(Limits::default()), NOW);
        assert_eq!(effects, [Effect::Room(room::Effect::Load)]);
        Self { replica, disk: Loaded::default(), next_ticket: 0 }
    }

    fn empty() -> Self {
        let mut test = Self::unread();
        test.load();
        test
    }

    /// With two edits of this device, the second of which follows from the first.
    fn with_two_edits() -> (Self, ChangeHash, ChangeHash) {
        let mut test = Self::empty();
        let (first, second) = (test.edit_and_store(1), test.edit_and_store(2));
        (test, first, second)
    }

    /// The same, connected, and everything confirmed.
    fn in_step() -> (Self, ChangeHash, ChangeHash) {
        let (mut test, first, second) = Self::with_two_edits();
        test.greet(1);
        test.hear_heads(1, &[second]);
        test.expect(0, Progress::InStep);
        (test, first, second)
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.replica.handle(NOW, input);
        effects.extend(self.turns());
        effects
    }

    fn turns(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.replica.is_turn_due() {
            effects.extend(self.replica.take_turn(NOW));
        }
        effects
    }

    /// The disk answers with what is on it.
    fn load(&mut self) -> Vec<Effect> {
        let loaded = Box::new(self.disk.clone());
        self.input(Input::Room(room::Input::Loaded(Ok(Some(loaded)))))
    }

    fn edit(&mut self, value: impl Into<NewValue>) -> Vec<Effect> {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let write = |transaction: &mut Transaction<'_>| transaction.put("mine", value);
        let ((), effects) = self.replica.edit::<(), EditError>(NOW, ticket, &ME, write).unwrap();
        effects
    }

    /// The disk takes the changes of an [`room::Effect::Append`] among the effects.
    fn store(&mut self, effects: &[Effect]) -> Vec<Effect> {
        let (changes, heads) = appended(effects).unwrap();
        self.disk.tail.extend(changes);
        self.disk.heads = heads;
        self.disk.through = self.disk.tail.len() as u64;
        self.input(Input::Room(room::Input::Appended(Ok(self.disk.through))))
    }

    fn fail_to_store(&mut self) -> Vec<Effect> {
        self.input(Input::Room(room::Input::Appended(Err(Refusal::StorageFull))))
    }

    fn edit_and_store(&mut self, value: impl Into<NewValue>) -> ChangeHash {
        let effects = self.edit(value);
        self.store(&effects);
        appended(&effects).unwrap().0[0].hash
    }

    fn greet(&mut self, session: u64) -> Vec<Effect> {
        self.input(Input::Greet(info(session)))
    }

    fn hear(&mut self, session: u64, said: Said) -> Vec<Effect> {
        self.input(Input::Word(Word { from: SessionId(session), said }))
    }

    /// The server says where it is, without changes.
    fn hear_heads(&mut self, session: u64, heads: &[ChangeHash]) -> Vec<Effect> {
        self.hear_message(session, heads, &[], Vec::new())
    }

    fn hear_message(
        &mut self,
        session: u64,
        heads: &[ChangeHash],
        need: &[ChangeHash],
        changes: Vec<CheckedChange>,
    ) -> Vec<Effect> {
        let have = vec![Have::everything_up_to(&[])];
        let message =
            SyncMessage { heads: heads.to_vec(), need: need.to_vec(), have, ..SyncMessage::default() };
        let received = Received { access: Access::Writes, from: info(session), message, changes };
        self.hear(session, Said::Sync(Box::new(received)))
    }

    #[track_caller]
    fn expect(&self, pending_changes: usize, progress: Progress) {
        let Standing { pending_changes: pending, progress: now, .. } = self.replica.standing();
        assert_eq!((pending, now), (pending_changes, progress));
    }
}

fn appended(effects: &[Effect]) -> Option<(Vec<SavedChange>, Heads)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Room(room::Effect::Append { changes, heads, .. }) => Some((changes.clone(), heads.clone())),
        _other => None,
    })
}

/// The messages to the server among effects.
fn told(effects: &[Effect]) -> Vec<SyncMessage> {
    let message = |effect: &Effect| match effect {
        Effect::Room(room::Effect::Tell { notice: Notice::Sync(data) | Notice::Request(data), .. }) => {
            Some(SyncMessage::decode(data).unwrap())
        }
        _other => None,
    };
    effects.iter().filter_map(message).collect()
}
