//! Whose documents and actors are.

use super::*;
use tiebreak_protocol::{AccountId, ActorId as Actor};

const ANN: AccountId = AccountId::from_bytes([1; 16]);
const BOB: AccountId = AccountId::from_bytes([2; 16]);

fn whose(n: u64, account: AccountId) -> Arc<PeerInfo> {
    Arc::new(PeerInfo { account: Some(account), ..(*info(n)).clone() })
}

fn says(from: &Arc<PeerInfo>, access: Access, changes: Vec<CheckedChange>) -> Input {
    let heads = changes.last().map(CheckedChange::hash).into_iter().collect();
    let message = SyncMessage { heads, reads_documents: true, ..SyncMessage::default() };
    Input::Received(Box::new(Received { from: Arc::clone(from), access, message, changes }))
}

/// How many changes are stored, which actors with them, and for which owner.
type Stored = (usize, Vec<(Actor, AccountId)>, Option<AccountId>);

fn appended(effects: &[Effect]) -> Option<Stored> {
    effects.iter().find_map(|effect| match effect {
        Effect::Append { changes, actors, owner, .. } => Some((changes.len(), actors.clone(), *owner)),
        _other => None,
    })
}

fn refused(effects: &[Effect]) -> Vec<Refusal> {
    let refusal = |effect: &Effect| match effect {
        Effect::Refused(refusal) => Some(*refusal),
        _other => None,
    };
    effects.iter().filter_map(refusal).collect()
}

fn notices(effects: &[Effect], n: u64) -> Vec<&Notice> {
    let to_n = |effect: &'_ Effect| matches!(effect, Effect::Tell { to, .. } if *to == session(n));
    effects
        .iter()
        .filter(|effect| to_n(effect))
        .filter_map(|effect| if let Effect::Tell { notice, .. } = effect { Some(notice) } else { None })
        .collect()
}

fn actor(n: u8) -> Actor {
    Actor::from_bytes(&[n; 16])
}

#[test]
fn the_first_to_write_owns_the_document_and_the_actor() {
    let mut room = TestRoom::empty();
    let (ann, change) = (whose(1, ANN), Author::new(1).write("key", 1));
    let effects = room.input(says(&ann, Access::Creates, vec![change]));
    assert_eq!(appended(&effects), Some((1, vec![(actor(1), ANN)], Some(ANN))));
    let effects = room.input(Input::Appended(Ok(1)));
    assert!(notices(&effects, 1).contains(&&Notice::Created));
}

#[test]
fn who_waits_for_a_document_that_another_makes_hears_nothing_of_it() {
    let mut room = TestRoom::empty();
    let (ann, bob, her_other) = (whose(1, ANN), whose(2, BOB), whose(3, ANN));
    let mut author = Author::new(1);
    for who in [&bob, &her_other] {
        let effects = room.input(says(who, Access::Creates, vec![]));
        assert_eq!(notices(&effects, who.session.0), [&Notice::Unavailable]);
    }
    room.input(says(&ann, Access::Creates, vec![author.write("key", 1)]));
    let effects = room.input(Input::Appended(Ok(1)));
    assert_eq!(notices(&effects, 2), Vec::<&Notice>::new());
    assert!(notices(&effects, 3).contains(&&Notice::Created), "{effects:?}");
    assert_eq!(told(&effects).iter().map(|(to, _)| *to).collect::<Vec<_>>(), [1, 3]);
    // Asked again, it is as if there were none; what is written into it is refused.
    let effects = room.input(says(&bob, Access::Creates, vec![]));
    assert_eq!(effects, [Effect::Tell { to: session(2), notice: Notice::Denied }]);
    let effects = room.input(says(&bob, Access::Creates, vec![Author::new(2).write("key", 2)]));
    assert_eq!((refused(&effects), appended(&effects)), (vec![Refusal::AccessDenied], None));
    // What the maker sends before it has heard that the document is its own is taken.
    let effects = room.input(says(&ann, Access::Creates, vec![author.write("key", 2)]));
    assert_eq!(appended(&effects), Some((1, vec![], None)));
}

#[test]
fn of_two_accounts_that_make_one_document_at_once_one_does() {
    let mut room = TestRoom::empty();
    let change = |n| Author::new(n).write("key", i64::from(n));
    room.0.handle(NOW, says(&whose(1, ANN), Access::Creates, vec![change(1)]));
    room.0.handle(NOW, says(&whose(2, BOB), Access::Creates, vec![change(2)]));
    let effects = room.0.take_turn(NOW);
    assert_eq!(appended(&effects), Some((1, vec![(actor(1), ANN)], Some(ANN))));
    assert_eq!(refused(&effects), [Refusal::AccessDenied]);
    assert!(notices(&effects, 2).contains(&&Notice::Denied));
}

#[test]
fn a_document_that_an_operator_makes_is_not_told_to_those_who_waited_to_make_it() {
    let mut room = TestRoom::empty();
    room.input(says(&whose(1, ANN), Access::Creates, vec![]));
    let changes = vec![Author::new(9).write("key", 1)];
    let (ticket, expected, by) = (Ticket(1), Expected::Anything, Submitter::default());
    room.input(Input::Submit { ticket, expected, changes, by });
    let effects = room.input(Input::Appended(Ok(1)));
    assert_eq!(notices(&effects, 1), Vec::<&Notice>::new());
}

#[test]
fn another_accounts_actor_writes_nothing_new_and_what_is_known_is_no_offence() {
    let mut room = TestRoom::empty();
    let (mut author, ann, bob) = (Author::new(1), whose(1, ANN), whose(2, BOB));
    let first = author.write("key", 1);
    room.input(says(&ann, Access::Creates, vec![first.clone()]));
    room.input(Input::Appended(Ok(1)));
    let forged = author.write("key", 2);
    let mut own = Author::new(2);
    let own = own.write("mine", 1);
    let effects = room.input(says(&bob, Access::Writes, vec![first, forged.clone(), own]));
    assert_eq!(refused(&effects), [Refusal::ActorTaken]);
    let told = Notice::refused(Some(forged.hash()), Refusal::ActorTaken);
    assert!(notices(&effects, 2).contains(&&told));
    assert_eq!(appended(&effects), Some((1, vec![(actor(2), BOB)], None)));
    room.input(Input::Appended(Ok(2)));
    // The same change by whose actor it is.
    let effects = room.input(says(&ann, Access::Writes, vec![forged]));
    assert_eq!((refused(&effects), appended(&effects)), (vec![], Some((1, vec![], None))));
}

#[test]
fn a_change_that_is_not_taken_claims_no_actor() {
    let mut room = TestRoom::empty();
    room.input(says(&whose(1, ANN), Access::Creates, vec![Author::new(1).write("key", 1)]));
    room.input(Input::Appended(Ok(1)));
    let mut author = Author::new(7);
    let (missing, later) = (author.write("key", 1), author.write("key", 2));
    let effects = room.input(says(&whose(2, BOB), Access::Writes, vec![later.clone()]));
    assert_eq!(appended(&effects), None, "it waits for the one before");
    let effects = room.input(says(&whose(1, ANN), Access::Writes, vec![missing]));
    // The first that is taken is hers; his, by the same actor, is refused then.
    let Some((_, actors, _)) = appended(&effects) else { panic!("nothing stored: {effects:?}") };
    assert_eq!(actors.len(), 1);
}

#[test]
fn whose_an_actor_is_survives_the_room() {
    let mut room = TestRoom::empty();
    let mut author = Author::new(1);
    let change = author.write("key", 1);
    room.input(says(&whose(1, ANN), Access::Creates, vec![change.clone()]));
    room.input(Input::Appended(Ok(1)));
    let (again, effects) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    assert_eq!(effects, [Effect::Load]);
    let mut again = TestRoom(again);
    let loaded = Loaded {
        tail: vec![SavedChange { hash: change.hash(), bytes: change.bytes().clone() }],
        through: 1,
        heads: author.heads().into_iter().collect(),
        actors: [(actor(1), ANN)].into(),
        ..Loaded::default()
    };
    again.input(Input::Loaded(Ok(Some(Box::new(loaded)))));
    let effects = again.input(says(&whose(2, BOB), Access::Writes, vec![author.write("key", 2)]));
    assert_eq!(refused(&effects), [Refusal::ActorTaken]);
}

#[test]
fn a_reader_is_not_asked_for_what_it_may_not_write() {
    let (mut room, _author) = TestRoom::with_members(&[]);
    let mut reader = Author::new(5);
    let own = reader.write("key", 1).hash();
    let message = SyncMessage { heads: vec![own], ..SyncMessage::default() };
    let from = whose(1, ANN);
    let received = Received { from, access: Access::Reads, message, changes: vec![] };
    let effects = room.input(Input::Received(Box::new(received)));
    let [(1, answer)] = &sync_messages(&effects)[..] else { panic!("no answer: {effects:?}") };
    assert!(answer.need.is_empty());
}

#[test]
fn who_is_asked_for_all_is_told_when_it_is_durable() {
    let (mut room, mut author) = TestRoom::with_members(&[]);
    let ours = author.heads();
    let peer = whose(2, BOB);
    let effects = room.input(Input::AskForAll { peer: Arc::clone(&peer), access: Access::Writes });
    let [(2, asked), (2, greeted)] = &sync_messages(&effects)[..] else { panic!("not asked: {effects:?}") };
    assert!(asked.heads.is_empty(), "or it would not send again what it has sent");
    assert_eq!(greeted.heads, ours, "or who has nothing would have no reason to answer");
    let change = author.write("his", 1);
    room.input(says(&peer, Access::Writes, vec![change.clone()]));
    let effects = room.input(Input::Appended(Ok(2)));
    let [(2, answer)] = &sync_messages(&effects)[..] else { panic!("not answered: {effects:?}") };
    assert_eq!(answer.heads, [change.hash()]);
}

#[test]
fn who_came_to_make_a_document_that_is_there_by_now_hears_nothing_of_it() {
    let (mut room, _author) = TestRoom::with_members(&[]);
    let (peer, access) = (whose(2, BOB), Access::Creates);
    let effects = room.input(Input::AskForAll { peer: Arc::clone(&peer), access });
    assert_eq!(notices(&effects, 2), [&Notice::Denied]);
    let effects = room.input(Input::Greet { peer, access, shared: Heads::default() });
    assert_eq!(notices(&effects, 2), [&Notice::Denied]);
}

#[test]
fn a_service_brings_the_work_of_strangers_and_nobody_elses() {
    let mut room = TestRoom::empty();
    let mut ann = Author::new(1);
    room.input(says(&whose(1, ANN), Access::Creates, vec![ann.write("key", 1)]));
    room.input(Input::Appended(Ok(1)));
    let (forged, mut stranger) = (ann.write("key", 2), Author::new(7));
    let submit = |ticket, account, changes| Input::Submit {
        ticket: Ticket(ticket),
        expected: Expected::Anything,
        changes,
        by: Submitter { account, new_actors: NewActors::Strangers, ..Submitter::default() },
    };
    let effects = room.input(submit(1, Some(BOB), vec![forged.clone(), stranger.write("old", 1)]));
    assert_eq!(refused(&effects), [Refusal::ActorTaken]);
    assert_eq!(appended(&effects), Some((1, vec![], None)), "a stranger's actor stays free");
    room.input(Input::Appended(Ok(2)));
    // For whoever goes on as it; and an operator brings back what was anybody's.
    let effects = room.input(says(&whose(2, BOB), Access::Writes, vec![stranger.write("new", 1)]));
    assert_eq!(appended(&effects), Some((1, vec![(actor(7), BOB)], None)));
    room.input(Input::Appended(Ok(3)));
    let effects = room.input(submit(2, None, vec![forged]));
    assert_eq!(appended(&effects), Some((1, vec![], None)));
}
