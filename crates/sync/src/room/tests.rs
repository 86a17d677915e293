//! Room behaviour, by exact effects.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one effect among all")]

mod conflicts;
mod ownership;

use super::*;
use crate::access::Access;
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT};
use bytes::Bytes;
use tiebreak_document::{CheckedChange, Have, SavedChange, SyncMessage, check_change};
use tiebreak_protocol::{ChangeHash, Ephemeral, Heads};

const NOW: Moment = Moment { elapsed: Duration::ZERO, unix_ms: 1_000 };

fn later(seconds: u64) -> Moment {
    Moment { elapsed: Duration::from_secs(seconds), ..NOW }
}

fn session(n: u64) -> SessionId {
    SessionId(n)
}

fn info(n: u64) -> Arc<PeerInfo> {
    let peer = format!("peer-{n}").parse().unwrap();
    Arc::new(PeerInfo { session: session(n), peer, storage: None, extended: true, account: None })
}

/// An author at a device: makes changes one at a time.
struct Author(AutoCommit);

impl Author {
    fn new(actor: u8) -> Self {
        Self(AutoCommit::new().with_actor(ActorId::from(vec![actor; 16])))
    }

    fn write(&mut self, key: &str, value: i64) -> CheckedChange {
        self.0.put(ROOT, key, value).unwrap();
        self.commit()
    }

    /// What was written since, as one change.
    fn commit(&mut self) -> CheckedChange {
        self.0.commit().unwrap();
        let mut change = self.0.get_last_local_change().unwrap();
        check_change(change.bytes().into_owned().into(), &Limits::default()).unwrap()
    }

    fn heads(&mut self) -> Vec<ChangeHash> {
        self.0.get_heads().iter().map(|hash| ChangeHash(hash.0)).collect()
    }

    fn clone_heads(&self) -> Vec<ChangeHash> {
        Self(self.0.clone()).heads()
    }

    fn take(&mut self, change: &CheckedChange) {
        let change = automerge::Change::from_bytes(change.bytes().to_vec()).unwrap();
        self.0.apply_changes([change]).unwrap();
    }
}

/// A room whose document has been read, with the effects of the last input at hand.
struct TestRoom(Room);

impl TestRoom {
    fn empty() -> Self {
        let (room, effects) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
        assert_eq!(effects, [Effect::Load]);
        let mut room = Self(room);
        assert_eq!(room.input(Input::Loaded(Ok(None))), []);
        room
    }

    /// A room with a document of one change, and these members, all up to date.
    fn with_members(members: &[u64]) -> (Self, Author) {
        let (mut room, mut author) = (Self::empty(), Author::new(99));
        let change = author.write("made", 1);
        let ticket = Ticket(1);
        room.input(Input::Submit {
            ticket,
            expected: Expected::Anything,
            changes: vec![change],
            by: Submitter::default(),
        });
        room.input(Input::Appended(Ok(1)));
        for member in members {
            room.receive(*member, &author.heads(), vec![]);
        }
        (room, author)
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.0.handle(NOW, input);
        while self.0.is_turn_due() {
            effects.extend(self.0.take_turn(NOW));
        }
        effects
    }

    fn receive(&mut self, from: u64, heads: &[ChangeHash], changes: Vec<CheckedChange>) -> Vec<Effect> {
        let message = SyncMessage {
            heads: heads.to_vec(),
            have: vec![Have::everything_up_to(heads)],
            reads_documents: true,
            ..SyncMessage::default()
        };
        self.input(Input::Received(Box::new(Received {
            access: Access::Writes,
            from: info(from),
            message,
            changes,
        })))
    }
}

/// The sync messages among effects: to whom, with which changes.
fn sync_messages(effects: &[Effect]) -> Vec<(u64, SyncMessage)> {
    let message = |effect: &Effect| match effect {
        Effect::Tell { to, notice: Notice::Sync(data) | Notice::Part { data, .. } } => {
            Some((to.0, SyncMessage::decode(data).unwrap()))
        }
        _other => None,
    };
    effects.iter().filter_map(message).collect()
}

fn told(effects: &[Effect]) -> Vec<(u64, usize)> {
    sync_messages(effects).iter().map(|(to, message)| (*to, message.changes.len())).collect()
}

#[test]
fn a_change_is_announced_only_after_it_is_stored_and_not_back_to_its_author() {
    let (mut room, mut ann) = TestRoom::with_members(&[1, 2, 3]);
    let change = ann.write("key", 1);
    let effects = room.receive(1, &ann.heads(), vec![change.clone()]);
    let heads: Heads = ann.heads().into_iter().collect();
    let saved = SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
    assert_eq!(
        effects,
        [Effect::Append {
            changes: vec![saved],
            heads: heads.clone(),
            actors: Vec::new(),
            owner: None,
            conflicts: Vec::new()
        }]
    );
    let effects = room.input(Input::Appended(Ok(2)));
    assert_eq!(told(&effects), [(1, 0), (2, 1), (3, 1)]);
    assert!(effects.contains(&Effect::Tell { to: session(1), notice: Notice::Durable(heads) }));
}

#[test]
fn readers_share_one_encoded_message() {
    let (mut room, mut ann) = TestRoom::with_members(&[1, 2, 3]);
    let change = ann.write("key", 1);
    room.receive(1, &ann.heads(), vec![change]);
    let effects = room.input(Input::Appended(Ok(2)));
    let data: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell { to: SessionId(2 | 3), notice: Notice::Sync(data) } => Some(data.as_ptr()),
            _other => None,
        })
        .collect();
    assert_eq!(data.len(), 2);
    assert_eq!(data[0], data[1]);
}

#[test]
fn all_that_arrives_while_a_write_is_under_way_becomes_one_turn() {
    let (mut room, mut ann) = TestRoom::with_members(&[1, 2]);
    let mut bob = Author::new(5);
    let first = ann.write("a", 1);
    room.receive(1, &ann.heads(), vec![first]);
    for n in 0..5 {
        let change = ann.write("a", n);
        assert_eq!(room.receive(1, &ann.heads(), vec![change]), []);
        let change = bob.write("b", n);
        assert_eq!(room.receive(2, &bob.heads(), vec![change]), []);
    }
    let effects = room.input(Input::Appended(Ok(2)));
    let appended = effects.iter().filter_map(|effect| match effect {
        Effect::Append { changes, .. } => Some(changes.len()),
        _other => None,
    });
    assert_eq!(appended.collect::<Vec<_>>(), [10]);
    let effects = room.input(Input::Appended(Ok(12)));
    assert_eq!(told(&effects), [(1, 5), (2, 5)]);
}

#[test]
fn a_refused_change_takes_no_innocent_one_with_it() {
    let (mut room, mut ann) = TestRoom::with_members(&[1, 2]);
    let good = ann.write("key", 1);
    // The same actor and sequence number with other content.
    let mut twin = Author::new(99);
    twin.write("made", 1);
    let bad = twin.write("key", 2);
    let effects = room.receive(1, &ann.heads(), vec![good, bad.clone()]);
    let refusal = Refusal::Equivocation;
    assert_eq!(effects[0], Effect::Refused(refusal));
    let notice = Notice::refused(Some(bad.hash()), refusal);
    assert_eq!(effects[1], Effect::Tell { to: session(1), notice });
    assert!(matches!(&effects[2], Effect::Append { changes, .. } if changes.len() == 1));
}

#[test]
fn a_refused_change_is_not_asked_for_again() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    ann.write("key", 1);
    let mut twin = Author::new(99);
    twin.write("made", 1);
    let bad = twin.write("key", 2);
    let good = ann.write("key", 3);
    let first = ann.0.get_change_by_hash(&automerge::ChangeHash(good.deps()[0].0)).unwrap();
    let first = check_change(first.raw_bytes().to_vec().into(), &Limits::default()).unwrap();
    room.receive(1, &ann.heads(), vec![first, good]);
    room.input(Input::Appended(Ok(3)));
    let effects = room.receive(2, &[bad.hash()], vec![bad.clone()]);
    let (_, message) = sync_messages(&effects).pop().unwrap();
    assert_eq!(message.need, []);
    // The peer repeats its heads; there is nothing new to say.
    assert_eq!(room.receive(2, &[bad.hash()], vec![]), []);
}

#[test]
fn a_failed_write_sends_its_authors_away_and_reads_the_document_back() {
    let (mut room, mut ann) = TestRoom::with_members(&[1, 2]);
    let change = ann.write("key", 1);
    room.receive(1, &ann.heads(), vec![change]);
    let effects = room.input(Input::Appended(Err(Refusal::StorageFull)));
    let close = Effect::Tell { to: session(1), notice: Notice::Close(Refusal::StorageFull) };
    assert_eq!(effects, [close, Effect::Load]);
}

#[test]
fn a_missing_document_is_unavailable_and_arrives_once_somebody_makes_it() {
    let mut room = TestRoom::empty();
    let effects = room.receive(1, &[], vec![]);
    assert_eq!(effects, [Effect::Tell { to: session(1), notice: Notice::Unavailable }]);
    let mut ann = Author::new(1);
    let change = ann.write("key", 1);
    room.receive(2, &ann.heads(), vec![change]);
    let effects = room.input(Input::Appended(Ok(1)));
    assert_eq!(told(&effects), [(1, 1), (2, 0)]);
}

#[test]
fn a_peer_that_has_what_we_lack_is_asked_for_it() {
    let mut room = TestRoom::empty();
    let mut ann = Author::new(1);
    ann.write("key", 1);
    let effects = room.receive(1, &ann.heads(), vec![]);
    let (_, message) = sync_messages(&effects).pop().unwrap();
    assert_eq!(message.need, ann.heads());
    assert!(message.have[0].is_nothing());
}

#[test]
fn equal_heads_and_new_devices_are_served_without_opening_the_document() {
    let mut ann = Author::new(1);
    let change = ann.write("key", 1);
    let heads: Heads = ann.heads().into_iter().collect();
    let saved = SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
    let loaded = Loaded { tail: vec![saved], through: 1, heads: heads.clone(), ..Loaded::default() };
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut room = TestRoom(room);
    room.input(Input::Loaded(Ok(Some(Box::new(loaded)))));
    assert_eq!(told(&room.receive(1, heads.as_slice(), vec![])), [(1, 0)]);
    assert_eq!(told(&room.receive(2, &[], vec![])), [(2, 1)]);
    assert!(!room.0.is_document_open());
}

#[test]
fn a_change_waits_for_its_dependency_and_then_joins() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let first = ann.write("key", 1);
    let second = ann.write("key", 2);
    let effects = room.receive(1, &ann.heads(), vec![second]);
    let (_, message) = sync_messages(&effects).pop().unwrap();
    assert_eq!(message.need, [first.hash()]);
    let effects = room.receive(1, &ann.heads(), vec![first]);
    assert!(matches!(&effects[..], [Effect::Append { changes, .. }] if changes.len() == 2));
}

#[test]
fn a_change_whose_dependency_does_not_come_is_given_up_and_asked_for_anew() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let lost = ann.write("key", 1);
    let orphan = ann.write("key", 2);
    room.receive(1, &ann.heads(), vec![orphan.clone()]);
    assert_eq!(room.0.deadline(), Some(Limits::default().waiting_time));
    let effects = room.0.handle(later(30), Input::DeadlinePassed);
    let refusal = Refusal::MissingDependencies;
    let notice = Notice::refused(Some(orphan.hash()), refusal);
    assert_eq!(effects[..2], [Effect::Refused(refusal), Effect::Tell { to: session(1), notice }]);
    // The device still has it, and what it needs: it is asked to begin anew.
    let (_, message) = sync_messages(&effects).pop().unwrap();
    assert_eq!(message.need, [orphan.hash()]);
    let effects = room.receive(1, &ann.heads(), vec![lost, orphan]);
    assert!(matches!(&effects[..], [Effect::Append { changes, .. }] if changes.len() == 2));
}

#[test]
fn the_waiting_room_has_an_end() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    ann.write("lost", 1);
    let waiting_max = Limits::default().waiting_changes_max;
    let orphans: Vec<_> = (0..=waiting_max as i64).map(|n| ann.write("key", n)).collect();
    let refused = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Refused(_))).count();
    let effects = room.receive(1, &ann.heads(), orphans[..waiting_max].to_vec());
    assert_eq!(refused(&effects), 0);
    let effects = room.receive(1, &ann.heads(), orphans[waiting_max..].to_vec());
    assert_eq!(refused(&effects), 1);
}

#[test]
fn a_deleted_document_takes_nothing_and_says_so() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    assert_eq!(
        room.input(Input::Delete { ticket: Ticket(7), expected: Expected::Anything }),
        [Effect::Delete]
    );
    let effects = room.input(Input::Deleted(Ok(())));
    let answer = Effect::Answer { ticket: Ticket(7), answer: Ok(Answer::Deleted) };
    assert_eq!(effects, [Effect::Tell { to: session(1), notice: Notice::Unavailable }, answer]);
    let change = ann.write("key", 1);
    let effects = room.receive(1, &ann.heads(), vec![change]);
    assert!(effects.contains(&Effect::Refused(Refusal::DocumentDeleted)));
    assert!(effects.iter().all(|effect| !matches!(effect, Effect::Append { .. })));
}

#[test]
fn an_idle_room_gives_its_memory_back_and_an_empty_one_goes() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let change = ann.write("key", 1);
    room.receive(1, &ann.heads(), vec![change]);
    room.input(Input::Appended(Ok(2)));
    assert!(room.0.is_document_open());
    assert_eq!(room.0.handle(later(31), Input::DeadlinePassed), []);
    assert!(!room.0.is_document_open());
    room.0.handle(later(32), Input::Left(session(1)));
    room.0.take_turn(later(32));
    assert_eq!(room.0.handle(later(63), Input::DeadlinePassed), [Effect::Done]);
}

#[test]
fn an_ephemeral_message_reaches_everybody_else_once() {
    let (mut room, _) = TestRoom::with_members(&[1, 2, 3]);
    let ephemeral = Ephemeral {
        document: room.0.document_id(),
        sender: info(1).peer.clone(),
        target: "server".parse().unwrap(),
        count: 1,
        session: "s".parse().unwrap(),
        data: Bytes::from_static(b"cursor"),
    };
    let input = Input::Ephemeral { from: session(1), ephemeral: Box::new(ephemeral.clone()) };
    let to = |n| Effect::Tell { to: session(n), notice: Notice::Ephemeral(Box::new(ephemeral.clone())) };
    assert_eq!(room.input(input.clone()), [to(2), to(3)]);
    assert_eq!(room.input(input), []);
}

#[test]
fn a_change_that_depends_on_a_later_merge_of_two_authors_is_told_in_causal_order() {
    let (mut room, mut ann) = TestRoom::with_members(&[1, 2]);
    let a = ann.write("a", 1);
    let mut bob = Author::new(5);
    let b = bob.write("b", 1);
    ann.take(&b);
    let merged = ann.write("c", 1);
    room.receive(1, &ann.heads(), vec![merged.clone(), a.clone(), b.clone()]);
    let effects = room.input(Input::Appended(Ok(4)));
    let (_, message) = sync_messages(&effects).into_iter().find(|(to, _)| *to == 2).unwrap();
    assert_eq!(message.changes.last(), Some(merged.bytes()));
    assert_eq!(message.changes.len(), 3);
}

#[test]
fn a_tombstone_read_back_is_still_a_deleted_document() {
    let mut ann = Author::new(1);
    let change = ann.write("key", 1);
    let heads = ann.heads().into_iter().collect();
    let tombstone = Loaded { through: 1, heads, deleted: true, ..Loaded::default() };
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut room = TestRoom(room);
    room.input(Input::Loaded(Ok(Some(Box::new(tombstone)))));
    let ask = Input::Ask { ticket: Ticket(1), question: Question::Json };
    assert_eq!(room.input(ask), [Effect::Answer { ticket: Ticket(1), answer: Ok(Answer::Missing) }]);
    let effects = room.receive(1, &ann.heads(), vec![change]);
    assert!(effects.contains(&Effect::Refused(Refusal::DocumentDeleted)));
}

#[test]
fn a_document_whose_snapshot_is_lost_is_broken_rather_than_almost_empty() {
    let mut ann = Author::new(1);
    ann.write("old", 1);
    let change = ann.write("key", 1);
    let tail = vec![SavedChange { hash: change.hash(), bytes: change.bytes().clone() }];
    let heads = ann.heads().into_iter().collect();
    let damaged = Loaded { snapshot_through: 1, tail, through: 2, heads, damaged: true, ..Loaded::default() };
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut room = TestRoom(room);
    let effects = room.input(Input::Loaded(Ok(Some(Box::new(damaged)))));
    assert!(matches!(effects[..], [Effect::Broken(_)]));
    let ask = Input::Ask { ticket: Ticket(1), question: Question::Json };
    let answer = Err(Refusal::StorageUnavailable);
    assert_eq!(room.input(ask), [Effect::Answer { ticket: Ticket(1), answer }]);
}

#[test]
fn a_document_with_a_damaged_change_serves_the_rest_and_takes_the_change_back_from_a_device() {
    let mut ann = Author::new(1);
    let (first, second) = (ann.write("a", 1), ann.write("b", 1));
    let tail = vec![SavedChange { hash: first.hash(), bytes: first.bytes().clone() }];
    let heads = ann.heads().into_iter().collect();
    let damaged = Loaded { tail, through: 2, heads, damaged: true, ..Loaded::default() };
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut room = TestRoom(room);
    room.input(Input::Loaded(Ok(Some(Box::new(damaged)))));
    let effects = room.receive(1, &ann.heads(), vec![]);
    let (_, message) = sync_messages(&effects).pop().unwrap();
    assert_eq!((message.heads, message.need), (vec![first.hash()], vec![second.hash()]));
    let effects = room.receive(1, &ann.heads(), vec![second]);
    assert!(matches!(&effects[..], [Effect::Append { changes, .. }] if changes.len() == 1));
}

#[test]
fn a_snapshot_takes_the_place_of_a_damaged_change_that_a_device_has_brought_back() {
    let mut ann = Author::new(1);
    let (first, second) = (ann.write("a", 1), ann.write("b", 1));
    let saved = |change: &CheckedChange| SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
    let heads = ann.heads().into_iter().collect();
    // Two are stored, the second is unreadable.
    let damaged = Loaded { tail: vec![saved(&first)], through: 2, heads, damaged: true, ..Loaded::default() };
    let limits = Limits { snapshot_changes_min: 1, ..Limits::default() };
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(limits), NOW);
    let mut room = TestRoom(room);
    room.input(Input::Loaded(Ok(Some(Box::new(damaged)))));
    room.receive(1, &ann.heads(), vec![second]);
    assert!(room.input(Input::Appended(Ok(3))).contains(&Effect::Compact));
    // Another arrives while the three are folded.
    let third = ann.write("c", 1);
    let folded = room.0.document.snapshot().unwrap();
    room.receive(1, &ann.heads(), vec![third]);
    room.input(Input::Appended(Ok(4)));
    room.input(Input::Compacted(Some((folded, 3))));
    assert_eq!(room.0.document.tail_len(), 1, "the third is still in the tail");
    let new_device = sync_messages(&room.receive(2, &[], vec![])).pop().unwrap().1;
    let whole = automerge::Automerge::load(&new_device.changes[0]).unwrap();
    assert_eq!(whole.get_heads().iter().map(|hash| ChangeHash(hash.0)).collect::<Vec<_>>(), ann.heads());
}

#[test]
fn a_busy_document_is_compacted_as_it_grows_and_a_quiet_one_soon_after() {
    let mut room = TestRoom::empty();
    let mut ann = Author::new(1);
    let mut submit = |room: &mut TestRoom, count: i64, through: u64| {
        let changes = (0..count).map(|n| ann.write("key", n)).collect();
        room.input(Input::Submit {
            ticket: Ticket(1),
            expected: Expected::Anything,
            changes,
            by: Submitter::default(),
        });
        room.input(Input::Appended(Ok(through))).contains(&Effect::Compact)
    };
    assert!(!submit(&mut room, 999, 999));
    assert!(submit(&mut room, 4_001, 5_000));
    // The snapshot is still being made.
    assert!(!submit(&mut room, 1_000, 6_000));
    let whole = room.0.document.snapshot().unwrap();
    room.input(Input::Compacted(Some((whole, 6_000))));
    assert_eq!(room.0.document.tail_len(), 0);
    // A thousand more are too little for a busy document of six thousand, but not for a quiet one.
    assert!(!submit(&mut room, 1_000, 7_000));
    assert_eq!(room.0.deadline(), Some(Duration::from_secs(2)));
    assert_eq!(room.0.handle(later(2), Input::DeadlinePassed), [Effect::Compact]);
}

#[test]
fn a_snapshot_that_could_not_be_made_is_not_tried_again_at_once() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let changes = (0..2_000).map(|n| ann.write("key", n)).collect();
    room.input(Input::Submit {
        ticket: Ticket(1),
        expected: Expected::Anything,
        changes,
        by: Submitter::default(),
    });
    assert!(room.input(Input::Appended(Ok(2_001))).contains(&Effect::Compact));
    assert_eq!(room.0.handle(later(3), Input::Compacted(None)), []);
    let due = room.0.deadline().unwrap();
    assert!(due > later(3).elapsed, "{due:?}");
    assert!(!room.0.handle(later(4), Input::DeadlinePassed).contains(&Effect::Compact));
    assert!(room.0.handle(later(63), Input::DeadlinePassed).contains(&Effect::Compact));
}

#[test]
fn a_document_that_could_not_be_read_once_is_read_again_for_whoever_comes_next() {
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut room = TestRoom(room);
    let mut ann = Author::new(1);
    let change = ann.write("key", 1);
    room.receive(1, &ann.heads(), vec![change.clone()]);
    let refusal = Refusal::StorageUnavailable;
    let close = Effect::Tell { to: session(1), notice: Notice::Close(refusal) };
    assert_eq!(room.input(Input::Loaded(Err(refusal))), [close, Effect::Done]);
    assert_eq!(room.receive(2, &ann.heads(), vec![change]), [Effect::Load]);
    let effects = room.input(Input::Loaded(Ok(None)));
    assert!(matches!(&effects[..], [Effect::Append { changes, .. }] if changes.len() == 1));
}

#[test]
fn a_thousand_requests_at_once_get_one_answer() {
    let (mut room, _) = TestRoom::with_members(&[]);
    for _ in 0..1_000 {
        let message = SyncMessage { reads_documents: true, ..SyncMessage::default() };
        let received = Received { access: Access::Writes, from: info(1), message, changes: Vec::new() };
        room.0.handle(NOW, Input::Received(Box::new(received)));
    }
    assert_eq!(told(&room.0.take_turn(NOW)), [(1, 1)]);
}

#[test]
fn a_peer_whose_only_change_is_refused_is_not_made_to_send_it_again() {
    let mut room = TestRoom::empty();
    let mut ann = Author::new(1);
    ann.write("lost", 1);
    let far = ann.write("key", 2);
    // Sequence 2 without 1 waits; with a first change of another content it is refused.
    let mut twin = Author::new(1);
    let first = twin.write("other", 1);
    let effects = room.receive(1, &[far.hash()], vec![first, far.clone()]);
    assert!(matches!(&effects[..], [Effect::Append { .. }]), "{effects:?}");
    room.input(Input::Appended(Ok(1)));
    let twin_of_first = Author::new(1).write("third", 1);
    let heads = [twin_of_first.hash()];
    let effects = room.receive(2, &heads, vec![twin_of_first.clone()]);
    assert!(effects.contains(&Effect::Refused(Refusal::Equivocation)));
    assert_eq!(sync_messages(&effects).len(), 1, "the first message is answered");
    let effects = room.receive(2, &heads, vec![twin_of_first]);
    assert_eq!(sync_messages(&effects), []);
}

#[test]
fn a_peer_that_takes_no_changes_is_told_heads_alone_and_is_not_asked_to_forget() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let said = ann.heads();
    let read_only = |heads: &[ChangeHash], wants| SyncMessage {
        heads: heads.to_vec(),
        have: vec![Have::default()],
        reads_documents: true,
        wants,
        ..SyncMessage::default()
    };
    let receive = |room: &mut TestRoom, message| {
        room.input(Input::Received(Box::new(Received {
            access: Access::Writes,
            from: info(2),
            message,
            changes: Vec::new(),
        })))
    };
    receive(&mut room, read_only(&said, tiebreak_document::Wants::Nothing));
    let change = ann.write("key", 1);
    room.receive(1, &ann.heads(), vec![change]);
    let effects = room.input(Input::Appended(Ok(2)));
    let (_, message) = sync_messages(&effects).into_iter().find(|(to, _)| *to == 2).unwrap();
    assert_eq!((message.heads, message.changes.len()), (ann.heads(), 0));
    assert_eq!(message.have, [Have::everything_up_to(&said)], "only what it has is taken as shared");
    // A library that lost its way asks for everything; it still takes nothing.
    let effects = receive(&mut room, read_only(&said, tiebreak_document::Wants::Everything));
    assert!(told(&effects).iter().all(|(_, changes)| *changes == 0));
}

#[test]
fn a_waiting_change_joins_when_somebody_else_brings_what_it_lacks() {
    let (mut room, mut ann) = TestRoom::with_members(&[1, 2]);
    let first = ann.write("key", 1);
    let second = ann.write("key", 2);
    room.receive(1, &ann.heads(), vec![second]);
    let effects = room.receive(2, &[first.hash()], vec![first]);
    assert!(matches!(&effects[..], [Effect::Append { changes, .. }] if changes.len() == 2));
}

#[test]
fn of_two_who_expect_no_document_one_makes_it() {
    let mut room = TestRoom::empty();
    let submit = |ticket, author| Input::Submit {
        ticket: Ticket(ticket),
        expected: Expected::Heads(Heads::default()),
        changes: vec![Author::new(author).write("key", 1)],
        by: Submitter::default(),
    };
    room.0.handle(NOW, submit(1, 1));
    room.0.handle(NOW, submit(2, 2));
    assert!(matches!(room.0.take_turn(NOW)[..], [Effect::Append { .. }]));
    let effects = room.input(Input::Appended(Ok(1)));
    let answers: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Answer { .. })).collect();
    assert!(matches!(
        answers[..],
        [
            Effect::Answer { ticket: Ticket(1), answer: Ok(Answer::Submitted { .. }) },
            Effect::Answer { ticket: Ticket(2), answer: Ok(Answer::Unexpected { .. }) }
        ]
    ));
}

#[test]
fn a_deletion_that_expects_older_heads_deletes_nothing() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let older: Heads = ann.heads().into_iter().collect();
    let change = ann.write("key", 1);
    room.0.handle(NOW, Input::Delete { ticket: Ticket(7), expected: Expected::Heads(older) });
    let message = SyncMessage { heads: ann.heads(), ..SyncMessage::default() };
    // The edit is on its way while the deletion is being judged, before or after it.
    let received = Received { access: Access::Writes, from: info(1), message, changes: vec![change] };
    let mut first = VecDeque::from([Input::Received(Box::new(received))]);
    first.append(&mut room.0.queue);
    room.0.queue = first;
    assert!(matches!(room.0.take_turn(NOW)[..], [Effect::Append { .. }]));
    let effects = room.input(Input::Appended(Ok(2)));
    let heads = ann.heads().into_iter().collect();
    let answer = Ok(Answer::Unexpected { heads });
    assert!(effects.contains(&Effect::Answer { ticket: Ticket(7), answer }), "{effects:?}");
    assert!(!effects.contains(&Effect::Delete));
}

#[test]
fn what_does_not_fit_into_one_message_goes_in_parts_that_the_peer_confirms() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let old = ann.heads();
    let noise = |n: u64| -> String {
        let mut dice = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            char::from(b' ' + (dice % 94) as u8)
        };
        (0..900_000).map(|_| next()).collect()
    };
    let mut write = |n| {
        ann.0.put(ROOT, "blob", noise(n)).unwrap();
        ann.0.commit().unwrap();
        let change = ann.0.get_last_local_change().unwrap();
        check_change(change.raw_bytes().to_vec().into(), &Limits::default()).unwrap()
    };
    let changes: Vec<_> = (0..14).map(&mut write).collect();
    room.input(Input::Submit {
        ticket: Ticket(2),
        expected: Expected::Anything,
        changes: changes.clone(),
        by: Submitter::default(),
    });
    // Member 1 is behind by all of it.
    let effects = room.input(Input::Appended(Ok(15)));
    let (_, part) = sync_messages(&effects).pop().unwrap();
    assert!((1..14).contains(&part.changes.len()), "{}", part.changes.len());
    let last = changes[part.changes.len() - 1].hash();
    assert_eq!(part.heads, [last], "the part is a document of its own");
    // Until the peer has it, nothing more is sent, whoever else writes.
    let other = Author::new(7).write("key", 1);
    room.receive(2, &[other.hash()], vec![other.clone()]);
    assert!(told(&room.input(Input::Appended(Ok(16)))).iter().all(|(to, _)| *to != 1));
    let (mut told, mut part) = (0, part);
    let is_part = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Tell { notice: Notice::Part { .. }, .. }))
    };
    loop {
        told += part.changes.len();
        let effects = room.receive(1, &part.heads, vec![]);
        (_, part) = sync_messages(&effects).pop().unwrap();
        if !is_part(&effects) {
            break;
        }
    }
    assert_eq!(told + part.changes.len(), 15, "the last one is not called a part");
    assert!(old.iter().all(|hash| !part.heads.contains(hash)));
}

#[test]
fn a_document_that_does_not_open_is_broken_and_its_visitor_hears_so_once() {
    let mut ann = Author::new(1);
    let change = ann.write("key", 1);
    let heads = ann.heads().into_iter().collect();
    let tail = vec![SavedChange { hash: change.hash(), bytes: Bytes::from_static(b"no change") }];
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut room = TestRoom(room);
    let loaded = Loaded { tail, through: 1, heads, ..Loaded::default() };
    room.input(Input::Loaded(Ok(Some(Box::new(loaded)))));
    let storage: tiebreak_protocol::StorageId = "phone".parse().unwrap();
    let from = Arc::new(PeerInfo { storage: Some(storage.clone()), ..(*info(1)).clone() });
    let other = ann.write("key", 2);
    let message = SyncMessage { heads: vec![other.hash()], ..SyncMessage::default() };
    let received = Received { access: Access::Writes, from, message, changes: Vec::new() };
    let effects = room.input(Input::Received(Box::new(received)));
    assert_eq!(effects, [Effect::Recall { session: session(1), storage }]);
    let effects = room.input(Input::Recalled { session: session(1), heads: None });
    assert!(matches!(effects[0], Effect::Broken(_)), "{effects:?}");
    assert_eq!(effects[1..], [Effect::Tell { to: session(1), notice: Notice::Unavailable }]);
}

#[test]
fn a_known_peer_is_sent_only_what_is_new_since_it_was_last_here() {
    let (mut room, mut ann) = TestRoom::with_members(&[1]);
    let storage: tiebreak_protocol::StorageId = "phone".parse().unwrap();
    let phone = |n| Arc::new(PeerInfo { storage: Some(storage.clone()), ..(*info(n)).clone() });
    let message = |heads: &[ChangeHash]| SyncMessage { heads: heads.to_vec(), ..SyncMessage::default() };
    let then = ann.heads();
    let received =
        Received { access: Access::Writes, from: phone(2), message: message(&then), changes: Vec::new() };
    room.input(Input::Received(Box::new(received)));
    let remembered = room.input(Input::Left(session(2)));
    let heads: Heads = then.iter().copied().collect();
    assert_eq!(remembered, [Effect::Remember { storage: storage.clone(), heads: heads.clone() }]);
    let change = ann.write("key", 1);
    room.receive(1, &ann.heads(), vec![change]);
    room.input(Input::Appended(Ok(2)));
    // It comes back with an edit of its own and no memory of us.
    let own = Author::new(5).write("own", 1);
    let received = Received {
        access: Access::Writes,
        from: phone(3),
        message: message(&[own.hash()]),
        changes: Vec::new(),
    };
    let effects = room.input(Input::Received(Box::new(received)));
    assert_eq!(effects, [Effect::Recall { session: session(3), storage }]);
    let effects = room.input(Input::Recalled { session: session(3), heads: Some(heads) });
    let (_, answer) = sync_messages(&effects).pop().unwrap();
    assert_eq!((answer.changes.len(), answer.need), (1, vec![own.hash()]));
}

#[test]
fn heads_of_other_storages_are_passed_on_but_not_from_the_future_nor_of_those_who_are_here() {
    let (mut room, ann) = TestRoom::with_members(&[1, 2]);
    let storage = |name: &str| -> tiebreak_protocol::StorageId { name.parse().unwrap() };
    let here = Arc::new(PeerInfo { storage: Some(storage("here")), ..(*info(3)).clone() });
    let message = SyncMessage { heads: ann.clone_heads(), ..SyncMessage::default() };
    room.input(Input::Received(Box::new(Received {
        access: Access::Writes,
        from: here,
        message,
        changes: Vec::new(),
    })));
    let storages = [storage("here"), storage("far")].into();
    room.input(Input::Follow { session: session(1), storages });
    let head = |name, timestamp_ms| tiebreak_protocol::RemoteHead {
        storage: storage(name),
        heads: vec![ChangeHash([7; 32])],
        timestamp_ms,
    };
    let heads = vec![head("far", u64::MAX), head("here", 900)];
    let effects = room.input(Input::RemoteHeads { from: session(2), heads });
    let passed_on = Notice::RemoteHeads(vec![head("far", 1_000)]);
    assert_eq!(effects, [Effect::Tell { to: session(1), notice: passed_on }]);
}
