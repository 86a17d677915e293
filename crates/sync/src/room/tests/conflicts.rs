//! Disagreements: found by a merge, recorded with it, told once that is durable, and settled.

use super::*;
use crate::room::{
    Closed, ConflictChange, Disagreement, Flagging, OpenConflict, PlainDocuments, Settle, Unsettled,
};
use tiebreak_document::{Choice, RegisterName};
use tiebreak_kinds::Kinds;
use tiebreak_protocol::{ActorId, ConflictState};

const FLAGGED: PlainDocuments = PlainDocuments::Flagged;

fn flagging(plain: PlainDocuments) -> Flagging {
    Flagging { kinds: Kinds::built_in(), plain }
}

/// A room that looks for disagreements, with a document of one change and these members.
fn looking_room(plain: PlainDocuments, limits: Limits) -> (TestRoom, Author) {
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(limits), NOW);
    let mut room = TestRoom(room.flagging(flagging(plain)));
    room.input(Input::Loaded(Ok(None)));
    let mut author = Author::new(99);
    let change = author.write("made", 1);
    room.submit(vec![change]);
    for member in [1, 2] {
        room.receive(member, &author.heads(), vec![]);
    }
    (room, author)
}

impl TestRoom {
    /// Has changes taken and stored, and answers what was recorded, and what was told of it.
    fn submit(&mut self, changes: Vec<CheckedChange>) -> (Vec<ConflictChange>, Vec<Effect>) {
        let effects = self.input(Input::Submit {
            ticket: Ticket(1),
            expected: Expected::Anything,
            changes,
            by: Submitter::default(),
        });
        let recorded = recorded(&effects);
        (recorded, self.input(Input::Appended(Ok(1))))
    }

    fn settle(&mut self, conflict: &OpenConflict, choice: Choice) -> Vec<Effect> {
        let (actor, by) = (ActorId::from_bytes(&[7; 16]), Submitter::default());
        let settle = Settle { conflict: *conflict, choice, actor, time_s: 0, by };
        self.input(Input::Settle { ticket: Ticket(2), settle: Box::new(settle) })
    }
}

fn recorded(effects: &[Effect]) -> Vec<ConflictChange> {
    let of = |effect: &Effect| match effect {
        Effect::Append { conflicts, .. } | Effect::Record { conflicts } => Some(conflicts.clone()),
        _other => None,
    };
    effects.iter().filter_map(of).flatten().collect()
}

fn notices(effects: &[Effect]) -> Vec<(u64, ConflictState)> {
    let of = |effect: &Effect| match effect {
        Effect::Tell { to, notice: Notice::Conflict { state, .. } } => Some((to.0, *state)),
        _other => None,
    };
    effects.iter().filter_map(of).collect()
}

fn fork(author: &Author, actor: u8) -> Author {
    let mut fork = author.0.clone();
    fork.set_actor(automerge::ActorId::from([actor; 16].as_slice()));
    Author(fork)
}

fn opened(changes: &[ConflictChange]) -> &Disagreement {
    let [ConflictChange::Open(disagreement)] = changes else { panic!("{changes:?}") };
    disagreement
}

fn closed(changes: &[ConflictChange]) -> &Closed {
    let [ConflictChange::Closed(closed)] = changes else { panic!("{changes:?}") };
    closed
}

/// Two authors write one key apart; answers what was recorded with the second.
fn disagree(room: &mut TestRoom, author: &Author, key: &str) -> (Vec<ConflictChange>, Vec<Effect>) {
    let (mut one, mut two) = (fork(author, 2), fork(author, 3));
    let (first, second) = (one.write(key, 1), two.write(key, 2));
    assert_eq!(room.submit(vec![first]).0, []);
    room.submit(vec![second])
}

#[test]
fn a_disagreement_is_recorded_with_the_change_that_brought_it_and_told_once_that_is_durable() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let (mut one, mut two) = (fork(&author, 2), fork(&author, 3));
    let (first, second) = (one.write("key", 1), two.write("key", 2));
    assert_eq!(room.submit(vec![first]).0, []);
    let effects = room.receive(2, &two.heads(), vec![second]);
    let conflict = opened(&recorded(&effects)).conflict.clone();
    assert_eq!((conflict.candidates.len(), notices(&effects)), (2, vec![]));
    let effects = room.input(Input::Appended(Ok(3)));
    assert_eq!(notices(&effects), [(1, ConflictState::Open), (2, ConflictState::Open)]);
}

#[test]
fn who_may_only_read_is_not_asked_to_settle() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let message = SyncMessage { heads: author.clone_heads(), ..SyncMessage::default() };
    let (from, access) = (info(3), Access::Reads);
    room.input(Input::Received(Box::new(Received { access, from, message, changes: Vec::new() })));
    let (_, told) = disagree(&mut room, &author, "key");
    assert_eq!(notices(&told).iter().map(|(to, _)| *to).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn plain_documents_are_merged_in_silence_unless_the_operator_asks() {
    let (mut room, author) = looking_room(PlainDocuments::Merged, Limits::default());
    assert_eq!(disagree(&mut room, &author, "key").0, []);
}

#[test]
fn a_choice_is_stored_like_any_change_and_closes_the_conflict() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let changes = disagree(&mut room, &author, "key").0;
    let conflict = &opened(&changes).conflict;
    let effects = room.settle(&conflict.into(), Choice::Value(3.into()));
    let changes = recorded(&effects);
    let closed = closed(&changes);
    assert_eq!((closed.id, closed.state, closed.wider), (conflict.id, ConflictState::Settled, None));
    assert_eq!(closed.by.as_ref().unwrap().value, Some(3.into()));
    let effects = room.input(Input::Appended(Ok(4)));
    assert_eq!(notices(&effects), [(1, ConflictState::Settled), (2, ConflictState::Settled)]);
    let answered = |effect: &Effect| {
        matches!(effect, Effect::Answer { ticket: Ticket(2), answer: Ok(Answer::Submitted { .. }) })
    };
    assert!(effects.iter().any(answered), "{effects:?}");
}

#[test]
fn a_choice_for_sides_that_are_not_all_is_not_taken() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let changes = disagree(&mut room, &author, "key").0;
    let seen = OpenConflict::from(&opened(&changes).conflict);
    let third = fork(&author, 4).write("key", 3);
    let again = room.submit(vec![third]).0;
    assert_eq!((opened(&again).conflict.id, opened(&again).conflict.candidates.len()), (seen.id, 3));
    let effects = room.settle(&seen, Choice::Value(4.into()));
    let unsettled = Ok(Answer::Unsettled(Unsettled::Changed));
    assert_eq!(effects, [Effect::Answer { ticket: Ticket(2), answer: unsettled }]);
}

#[test]
fn who_knew_all_sides_overtakes_and_another_conflict_in_its_place_is_pointed_to() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let (mut one, mut two) = (fork(&author, 2), fork(&author, 3));
    let (first, second) = (one.write("key", 1), two.write("key", 2));
    room.submit(vec![first.clone()]);
    let changes = room.submit(vec![second.clone()]).0;
    let conflict = opened(&changes).conflict.clone();
    one.take(&second);
    two.take(&first);
    let by_one = one.write("key", 3);
    let changes = room.submit(vec![by_one]).0;
    assert_eq!((closed(&changes).id, closed(&changes).state), (conflict.id, ConflictState::Overtaken));
    let by_two = two.write("key", 4);
    let changes = room.submit(vec![by_two]).0;
    assert_ne!(opened(&changes).conflict.id, conflict.id, "all had seen more than before");
}

#[test]
fn what_was_not_stored_was_not_recorded_and_is_found_again() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let (mut one, mut two) = (fork(&author, 2), fork(&author, 3));
    let (first, second) = (one.write("key", 1), two.write("key", 2));
    room.submit(vec![first.clone()]);
    let stored = room.0.heads().clone();
    let submit = |changes| Input::Submit {
        ticket: Ticket(1),
        expected: Expected::Anything,
        changes,
        by: Submitter::default(),
    };
    let conflict = opened(&recorded(&room.input(submit(vec![second.clone()])))).conflict.clone();
    room.input(Input::Appended(Err(Refusal::StorageFull)));
    let made = author.0.clone().get_changes(&[]).remove(0);
    let saved = |hash: ChangeHash, bytes: Bytes| SavedChange { hash, bytes };
    let tail = vec![
        saved(ChangeHash(made.hash().0), made.raw_bytes().to_vec().into()),
        saved(first.hash(), first.bytes().clone()),
    ];
    let loaded = Loaded { tail, through: 2, heads: stored, ..Loaded::default() };
    room.input(Input::Loaded(Ok(Some(Box::new(loaded)))));
    assert_eq!(opened(&room.submit(vec![second]).0).conflict, conflict);
}

#[test]
fn what_is_recorded_is_not_recorded_again_when_the_document_is_read_anew() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let changes = disagree(&mut room, &author, "key").0;
    let conflict = opened(&changes).conflict.clone();
    let file = room.0.document_mut().unwrap().snapshot().unwrap();
    let loaded = Loaded {
        snapshot: Some(file),
        snapshot_through: 3,
        through: 3,
        heads: room.0.heads().clone(),
        conflicts: vec![(RegisterName(conflict.register.0.clone()), OpenConflict::from(&conflict))],
        ..Loaded::default()
    };
    let (again, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut again = TestRoom(again.flagging(flagging(FLAGGED)));
    again.input(Input::Loaded(Ok(Some(Box::new(loaded)))));
    assert_eq!(again.submit(vec![fork(&author, 4).write("other", 1)]).0, []);
    let changed = again.submit(vec![fork(&author, 5).write("key", 3)]).0;
    assert_eq!((opened(&changed).conflict.id, opened(&changed).conflict.candidates.len()), (conflict.id, 3));
}

#[test]
fn conflicts_past_the_limit_are_recorded_once_others_are_closed() {
    let (mut room, author) = looking_room(FLAGGED, Limits { conflicts_open_max: 1, ..Limits::default() });
    let first = opened(&disagree(&mut room, &author, "a").0).conflict.clone();
    let (mut four, mut five) = (fork(&author, 4), fork(&author, 5));
    room.submit(vec![four.write("b", 1)]);
    assert_eq!(room.submit(vec![five.write("b", 2)]).0, []);
    let changes = recorded(&room.settle(&OpenConflict::from(&first), Choice::Value(3.into())));
    let [ConflictChange::Closed(closed), ConflictChange::Open(more)] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!((closed.id, more.conflict.path.clone()), (first.id, vec!["b".into()]));
}

#[test]
fn what_is_left_of_very_many_places_is_recorded_at_once_behind_the_first() {
    let (mut room, author) = looking_room(FLAGGED, Limits::default());
    let (mut one, mut two) = (fork(&author, 2), fork(&author, 3));
    let places = tiebreak_document::REVIEWED_AT_ONCE_MAX + 5;
    let write_all = |author: &mut Author, value: i64| {
        for place in 0..places {
            author.0.put(ROOT, place.to_string(), value).unwrap();
        }
        author.write("made", value)
    };
    let (first, second) = (write_all(&mut one, 2), write_all(&mut two, 3));
    room.submit(vec![first]);
    let (with_the_change, after) = room.submit(vec![second]);
    assert_eq!(with_the_change.len(), tiebreak_document::REVIEWED_AT_ONCE_MAX);
    assert_eq!(recorded(&after).len(), places + 1 - with_the_change.len());
    let told = room.input(Input::Recorded(Ok(())));
    assert_eq!(notices(&told).len(), 2 * recorded(&after).len());
    assert!(!room.0.is_turn_due());
}

#[test]
fn very_many_rules_that_are_broken_at_once_are_recorded_at_once_behind_the_first_and_so_when_they_are_kept() {
    let rule =
        |number| format!(r#"{{ "name": "r{number}", "rule": "doc.best <= 10", "message": "Too much." }}"#);
    let rules: Vec<_> = (0..70).map(rule).collect();
    let (mut room, mut author) = room_of_kind(&format!(r#""x-tiebreak-rules": [{}]"#, rules.join(",")));
    for (value, state) in [(11, ConflictState::Open), (9, ConflictState::Overtaken)] {
        let change = author.write("best", value);
        let (with_the_change, mut after) = room.submit(vec![change]);
        let mut changes = with_the_change;
        while room.0.is_turn_due() || !recorded(&after).is_empty() {
            changes.extend(recorded(&after));
            after = room.input(Input::Recorded(Ok(())));
        }
        assert!(changes.iter().all(|change| change.news().1 == state), "{changes:?}");
        assert_eq!(changes.len(), 70);
    }
}

#[test]
fn a_room_that_does_not_look_is_not_kept_busy_by_who_does() {
    let (mut room, author) = looking_room(PlainDocuments::Merged, Limits::default());
    let id = room.0.document_id();
    room.0.document_mut().unwrap().conflicts(id, &tiebreak_document::Flags::Everything).unwrap();
    disagree(&mut room, &author, "key");
    assert!(!room.0.is_turn_due());
}

/// A room with a document of a kind that says what becomes of what was written apart.
fn room_with_records(keyword: &str) -> (TestRoom, Author) {
    room_of_kind(&format!(r#""properties": {{ "best": {{ "type": "integer", {keyword} }} }}"#))
}

fn room_of_kind(what: &str) -> (TestRoom, Author) {
    let kind = format!(
        r#"{{ "x-tiebreak-kind": "records", "x-tiebreak-version": 1, "title": "Records", "type": "object", {what} }}"#
    );
    let kinds = Kinds::with_files([("records.json".to_owned(), kind)]).unwrap();
    let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let mut room = TestRoom(room.flagging(Flagging { kinds, plain: PlainDocuments::Merged }));
    room.input(Input::Loaded(Ok(None)));
    let mut author = Author::new(99);
    author.0.put(ROOT, "@kind", "records").unwrap();
    let change = author.write("best", 10);
    room.submit(vec![change]);
    (room, author)
}

fn best(room: &mut TestRoom) -> serde_json::Value {
    room.0.document_mut().unwrap().to_json().unwrap()["best"].clone()
}

#[test]
fn the_greatest_or_the_least_of_what_was_written_apart_stands_and_nobody_is_asked() {
    for (merge, stands) in [("max", 30), ("min", 5)] {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let (mut room, author) = room_with_records(&format!(r#""x-tiebreak-merge": "{merge}""#));
            let written =
                [(2, 30), (3, 5), (4, 7)].map(|(actor, value)| fork(&author, actor).write("best", value));
            for at in order {
                assert_eq!(room.submit(vec![written[at].clone()]).0, [], "{merge}");
            }
            assert_eq!(best(&mut room), stands, "{merge} {order:?}");
        }
    }
}

#[test]
fn two_servers_repair_alike_to_the_last_byte_and_tell_their_members() {
    let repaired = || {
        let (mut room, author) = room_with_records(r#""x-tiebreak-merge": "max""#);
        let (one, two) = (fork(&author, 2).write("best", 30), fork(&author, 3).write("best", 20));
        room.receive(1, &author.clone_heads(), vec![]);
        room.submit(vec![one]);
        let (_, told) = room.submit(vec![two]);
        assert_eq!(crate::room::tests::told(&told), [(1, 2)], "the write and the repair");
        room.0.heads().clone()
    };
    assert_eq!(repaired().as_slice().len(), 1);
    assert_eq!(repaired(), repaired());
}

#[test]
fn where_the_kind_has_a_rule_for_conflicts_it_settles_them_and_the_record_says_so() {
    for (rule, stands) in [("largest", 30), ("smallest", 5), ("newest", 5)] {
        let (mut room, author) = room_with_records(&format!(r#""x-tiebreak-resolve": "{rule}""#));
        let (one, two) = (fork(&author, 2).write("best", 30), fork(&author, 3).write("best", 5));
        assert_eq!(room.submit(vec![one]).0, []);
        let (found, after) = room.submit(vec![two]);
        let id = opened(&found).conflict.id;
        let settled = recorded(&after);
        let closed = closed(&settled);
        assert_eq!((closed.id, closed.state), (id, ConflictState::Settled), "{rule}");
        assert_eq!(closed.rule.as_deref(), Some(rule));
        assert_eq!(closed.by.as_ref().unwrap().value, Some(stands.into()), "{rule}");
        room.input(Input::Recorded(Ok(())));
        assert_eq!(best(&mut room), stands, "{rule}");
    }
}

#[test]
fn what_was_edited_while_somebody_removed_it_is_there_again_where_removals_lose() {
    let kind = r#"{ "x-tiebreak-kind": "plan", "x-tiebreak-version": 1, "title": "Plan", "type": "object",
        "properties": { "days": { "type": "object", "additionalProperties": { "type": "object",
            "properties": { "walk": { "type": "string" } }, "x-tiebreak-remove": "loses" } } } }"#;
    let kinds = Kinds::with_files([("plan.json".to_owned(), kind.to_owned())]).unwrap();
    for turned in [false, true] {
        let (room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
        let flagging = Flagging { kinds: kinds.clone(), plain: PlainDocuments::Merged };
        let mut room = TestRoom(room.flagging(flagging));
        room.input(Input::Loaded(Ok(None)));
        let mut author = Author::new(99);
        author.0.put(ROOT, "@kind", "plan").unwrap();
        let days = author.0.put_object(ROOT, "days", automerge::ObjType::Map).unwrap();
        let sunday = author.0.put_object(&days, "sunday", automerge::ObjType::Map).unwrap();
        room.submit(vec![author.commit()]);
        let (mut one, mut two) = (fork(&author, 2), fork(&author, 3));
        one.0.delete(&days, "sunday").unwrap();
        two.0.put(&sunday, "walk", "to the lake").unwrap();
        let mut changes = vec![one.commit(), two.commit()];
        if turned {
            changes.reverse();
        }
        for change in changes {
            assert_eq!(room.submit(vec![change]).0, [], "nobody is asked");
        }
        let json = room.0.document_mut().unwrap().to_json().unwrap();
        assert_eq!(json["days"]["sunday"]["walk"], "to the lake");
    }
}

#[test]
fn a_side_that_comes_after_the_rule_has_settled_is_settled_with_it() {
    let (mut room, author) = room_with_records(r#""x-tiebreak-resolve": "largest""#);
    for (actor, value) in [(2, 30), (3, 5), (4, 40)] {
        room.submit(vec![fork(&author, actor).write("best", value)]);
        room.input(Input::Recorded(Ok(())));
    }
    assert_eq!(best(&mut room), 40);
    let id = room.0.document_id();
    let kinds = Kinds::built_in();
    let open = Flagging { kinds, plain: FLAGGED }.of(room.0.document_mut().unwrap()).unwrap().unwrap();
    assert_eq!(room.0.document_mut().unwrap().conflicts(id, &open).unwrap(), []);
}
