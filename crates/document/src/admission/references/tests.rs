//! What a change may refer to in the history, and what it may not.

use super::{Operations, References, Steps};
use crate::admission::tests::{altered, author, checked, document_with, verdict, write};
use crate::{CheckedChange, Document};
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId};
use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, Change, ObjId, ObjType, ROOT, ReadDoc};
use tiebreak_protocol::{Limits, Refusal};

/// A text, a list and a map, each with something in it, all by one author.
struct Base {
    author: AutoCommit,
    text: ObjId,
    list: ObjId,
    map: ObjId,
    changes: Vec<CheckedChange>,
}

impl Base {
    fn new() -> Self {
        let mut author = author(1);
        let text = author.put_object(ROOT, "text", ObjType::Text).unwrap();
        let list = author.put_object(ROOT, "list", ObjType::List).unwrap();
        let map = author.put_object(ROOT, "map", ObjType::Map).unwrap();
        author.splice_text(&text, 0, 0, "abc").unwrap();
        for index in 0..2 {
            author.insert(&list, index, "element").unwrap();
        }
        author.put(&list, 1, "overwritten").unwrap();
        author.put(&map, "one", 1).unwrap();
        author.put(&map, "two", 2).unwrap();
        let mark = Mark::new("bold".to_owned(), true, 0, 1);
        author.mark(&text, mark, ExpandMark::None).unwrap();
        author.commit().unwrap();
        let changes = vec![checked(&author.get_last_local_change().unwrap())];
        Self { author, text, list, map, changes }
    }

    fn commit(&mut self) -> CheckedChange {
        self.author.commit().unwrap();
        checked(&self.author.get_last_local_change().unwrap())
    }

    /// What one more change of the author does is merged too.
    fn and_then(mut self, act: impl FnOnce(&mut Self)) -> Self {
        act(&mut self);
        let change = self.commit();
        self.changes.push(change);
        self
    }

    /// The id of the operation that is last in the base and fits.
    fn operation(&self, fits: impl Fn(&Op) -> bool) -> OpId {
        let mut found = None;
        for change in &self.changes {
            let change = Change::from_bytes(change.bytes().to_vec()).unwrap();
            for (counter, operation) in (change.start_op().get()..).zip(&change.decode().operations) {
                if fits(operation) {
                    found = Some(OpId::new(counter, change.actor_id()));
                }
            }
        }
        found.unwrap()
    }

    /// The verdict on a change with one operation altered: the same over a document that holds the base,
    /// whether it has noted its history or not, and in one batch with the base.
    fn verdict(&self, change: &CheckedChange, alter: impl Fn(&mut Op)) -> Result<&'static str, Refusal> {
        let change = altered(change, |change| alter(&mut change.operations[0]));
        let document = document_with(&self.changes);
        let alone = verdict(&document, change.clone());
        document.opened_before().operations();
        assert_eq!(verdict(&document, change.clone()), alone);
        assert_eq!(verdict_in_batch(&self.changes, change), alone);
        alone
    }
}

fn verdict_in_batch(before: &[CheckedChange], change: CheckedChange) -> Result<&'static str, Refusal> {
    let mut document = Document::new();
    document.open().unwrap();
    let batch = before.iter().cloned().chain([change]).collect();
    let admitted = document.admit(batch, &Limits::default()).unwrap();
    match admitted.refused.first() {
        Some((_, refusal)) => Err(*refusal),
        None if admitted.ready.len() == before.len() + 1 => Ok("ready"),
        None => Ok("waiting"),
    }
}

fn object(id: &ObjId) -> ObjectId {
    let ObjId::Id(counter, actor, _) = id else { return ObjectId::Root };
    ObjectId::Id(OpId::new(*counter, actor))
}

fn element(id: OpId) -> Key {
    Key::Seq(ElementId::Id(id))
}

fn key(name: &str) -> impl Fn(&Op) -> bool {
    move |operation| operation.key == Key::Map(name.into())
}

#[test]
fn a_change_acts_only_in_objects_that_exist_and_are_of_its_kind() {
    let mut base = Base::new();
    let (text, list, map) = (object(&base.text), object(&base.list), object(&base.map));
    let value = ObjectId::Id(base.operation(key("one")));
    base.author.put(base.map.clone(), "new", 1).unwrap();
    let put = base.commit();
    assert_eq!(base.verdict(&put, |operation| operation.obj = map.clone()), Ok("ready"));
    for wrong in [&text, &list, &value] {
        assert_eq!(
            base.verdict(&put, |operation| operation.obj = wrong.clone()),
            Err(Refusal::UnknownObject)
        );
    }
    let mut base = Base::new();
    base.author.insert(base.list.clone(), 0, "new").unwrap();
    let insert = base.commit();
    for fits in [&text, &list] {
        assert_eq!(base.verdict(&insert, |operation| operation.obj = fits.clone()), Ok("ready"));
    }
    for wrong in [&map, &value] {
        assert_eq!(
            base.verdict(&insert, |operation| operation.obj = wrong.clone()),
            Err(Refusal::UnknownObject)
        );
    }
}

#[test]
fn marks_stand_in_texts_only() {
    let mut base = Base::new();
    base.author.mark(base.text.clone(), Mark::new("new".to_owned(), true, 0, 2), ExpandMark::None).unwrap();
    let mark = base.commit();
    let list = object(&base.list);
    let in_list = altered(&mark, |change| {
        let begin = OpId::new(change.start_op.get(), &change.actor_id);
        for (operation, key) in change.operations.iter_mut().zip([Key::head(), element(begin)]) {
            (operation.obj, operation.key) = (list.clone(), key);
        }
    });
    assert_eq!(verdict(&document_with(&base.changes), mark), Ok("ready"));
    assert_eq!(verdict(&document_with(&base.changes), in_list), Err(Refusal::UnknownObject));
}

#[test]
fn what_is_inserted_stands_after_an_element_of_the_same_sequence() {
    let mut base = Base::new();
    base.author.splice_text(base.text.clone(), 3, 0, "d").unwrap();
    let insert = base.commit();
    let text = object(&base.text);
    let mark = base.operation(|operation| operation.key != Key::head() && operation.obj == text);
    assert_eq!(base.verdict(&insert, |_| {}), Ok("ready"));
    assert_eq!(base.verdict(&insert, |operation| operation.key = element(mark.clone())), Ok("ready"));
    let list = object(&base.list);
    let elsewhere = base.operation(|operation| operation.insert && operation.obj == list);
    let verdict = base.verdict(&insert, |operation| operation.key = element(elsewhere.clone()));
    assert_eq!(verdict, Err(Refusal::UnknownOperation));
    // What overwrites an element is none, though it is a value of the same sequence.
    let mut base = Base::new();
    base.author.insert(base.list.clone(), 2, "new").unwrap();
    let insert = base.commit();
    for wrong in
        [base.operation(|operation| !operation.insert && operation.obj == list), base.operation(key("two"))]
    {
        let verdict = base.verdict(&insert, |operation| operation.key = element(wrong.clone()));
        assert_eq!(verdict, Err(Refusal::UnknownOperation));
    }
}

#[test]
fn marks_are_no_values_to_overwrite() {
    let mut base = Base::new();
    base.author.put(base.text.clone(), 0, "A").unwrap();
    let put = base.commit();
    let text = object(&base.text);
    let mark = base.operation(|operation| operation.key != Key::head() && operation.obj == text);
    let overwrites_mark = |operation: &mut Op| {
        (operation.key, operation.pred) = (element(mark.clone()), vec![mark.clone()].into());
    };
    assert_eq!(base.verdict(&put, overwrites_mark), Err(Refusal::UnknownOperation));
}

#[test]
fn a_property_is_overwritten_by_what_names_a_value_of_its_own() {
    let mut base = Base::new();
    base.author.put(base.map.clone(), "one", "new").unwrap();
    let put = base.commit();
    let with = |id: OpId| base.verdict(&put, |operation| operation.pred = vec![id.clone()].into());
    assert_eq!(with(base.operation(key("one"))), Ok("ready"));
    assert_eq!(with(base.operation(key("two"))), Err(Refusal::UnknownOperation));
    assert_eq!(with(base.operation(key("map"))), Err(Refusal::UnknownOperation));
    let in_root = |operation: &mut Op| operation.obj = ObjectId::Root;
    assert_eq!(base.verdict(&put, in_root), Err(Refusal::UnknownOperation));
}

#[test]
fn what_is_hidden_may_be_overwritten_but_a_deletion_may_not() {
    let mut base = Base::new().and_then(|base| base.author.delete(base.map.clone(), "one").unwrap());
    base.author.put(base.map.clone(), "one", "new").unwrap();
    let put = base.commit();
    let with = |id: OpId| base.verdict(&put, |operation| operation.pred = vec![id.clone()].into());
    let is_deletion = |operation: &Op| matches!(operation.action, automerge::legacy::OpType::Delete);
    assert_eq!(
        with(base.operation(|operation| key("one")(operation) && !is_deletion(operation))),
        Ok("ready")
    );
    assert_eq!(with(base.operation(is_deletion)), Err(Refusal::UnknownOperation));
}

#[test]
fn an_element_is_overwritten_by_what_names_a_value_of_its_own() {
    let mut base = Base::new();
    base.author.put(base.list.clone(), 1, "again").unwrap();
    let put = base.commit();
    let list = object(&base.list);
    let last = base.operation(|operation| operation.insert && operation.obj == list);
    let first = OpId::new(last.counter() - 1, last.actor());
    let overwrites = base.operation(|operation| !operation.insert && operation.obj == list);
    let with = |id: OpId| base.verdict(&put, |operation| operation.pred = vec![id.clone()].into());
    assert_eq!(with(last), Ok("ready"));
    assert_eq!(with(overwrites), Ok("ready"));
    assert_eq!(with(first), Err(Refusal::UnknownOperation));
}

#[test]
fn a_change_without_operations_leaves_no_gap_below_its_counter() {
    let (mut ann, mut bob) = (author(1), author(2));
    let first = write(&mut ann, "a");
    let others = [write(&mut bob, "b"), write(&mut bob, "c")];
    let document = document_with(&[vec![first], others.to_vec()].concat());
    ann.empty_change(automerge::transaction::CommitOptions::default());
    let empty = checked(&ann.get_last_local_change().unwrap());
    let start_op = empty.start_op();
    let with_start = |start: u64| altered(&empty, |change| change.start_op = start.try_into().unwrap());
    assert_eq!(verdict(&document, with_start(start_op)), Ok("ready"));
    assert_eq!(verdict(&document, with_start(start_op + 1)), Err(Refusal::OperationCounterOutOfRange));
}

/// Three authors type at once, in turns and into each other's words, and remove some of it.
fn text_by_three() -> (AutoCommit, ObjId) {
    let mut ann = author(1);
    let text = ann.put_object(ROOT, "text", ObjType::Text).unwrap();
    ann.splice_text(&text, 0, 0, "abcdef").unwrap();
    let mut authors =
        [ann.fork().with_actor(ActorId::from([2; 16])), ann.fork().with_actor(ActorId::from([3; 8])), ann];
    for round in 0..4 {
        for (number, author) in authors.iter_mut().enumerate() {
            let length = author.length(&text);
            author.splice_text(&text, (round * 5 + number * 3) % length, 0, "xyz").unwrap();
            author.splice_text(&text, (round * 7 + number) % length, (round % 2) as isize, "q").unwrap();
            author.commit();
        }
        let [first, second, third] = &mut authors;
        first.merge(second).unwrap();
        second.merge(first).unwrap();
        if round % 2 == 1 {
            third.merge(first).unwrap();
            first.merge(third).unwrap();
        }
    }
    let [mut all, mut second, mut third] = authors;
    all.merge(&mut second).unwrap();
    all.merge(&mut third).unwrap();
    (all, text)
}

#[test]
fn a_mark_ends_behind_where_it_begins_whoever_wrote_the_text() {
    let (mut author, text) = text_by_three();
    let length = author.length(&text);
    let cursors = (0..length).map(|index| author.get_cursor(&text, index, None).unwrap().to_string());
    let elements: Vec<OpId> = cursors
        .map(|cursor| {
            let (counter, actor) = cursor.split_once('@').unwrap();
            OpId::new(counter.parse().unwrap(), &ActorId::try_from(actor).unwrap())
        })
        .collect();
    let changes: Vec<_> = author.get_changes(&[]).iter().map(checked).collect();
    let document = document_with(&changes);
    author.mark(&text, Mark::new("bold".to_owned(), true, 0, length), ExpandMark::None).unwrap();
    author.commit().unwrap();
    let mark = checked(&author.get_last_local_change().unwrap());
    for (from, first) in elements.iter().enumerate() {
        for (to, second) in elements.iter().enumerate().filter(|(to, _)| *to != from) {
            let mark = altered(&mark, |change| {
                change.operations[0].key = element(first.clone());
                change.operations[1].key = element(second.clone());
            });
            let expected = if from < to { Ok("ready") } else { Err(Refusal::UnknownOperation) };
            assert_eq!(verdict(&document, mark.clone()), expected, "{from} {to}");
            assert_eq!(verdict_in_batch(&changes, mark), expected, "{from} {to} in a batch");
        }
    }
}

#[test]
fn marks_whose_order_takes_too_many_steps_to_find_are_refused() {
    let (mut author, text) = text_by_three();
    let changes: Vec<_> = author.get_changes(&[]).iter().map(checked).collect();
    let document = document_with(&changes);
    let length = author.length(&text);
    author.mark(&text, Mark::new("bold".to_owned(), true, 1, length), ExpandMark::None).unwrap();
    author.commit().unwrap();
    let mark = checked(&author.get_last_local_change().unwrap());
    let with = |steps: usize| {
        let (engine, ready) = (document.opened_before(), Operations::default());
        let mut steps = Steps::only(steps);
        References::new(&mark, engine, &ready, &mut steps).check().map(|()| 100 - steps.left())
    };
    let needed = with(100).unwrap();
    assert!(needed > 1 && with(needed).is_ok(), "{needed}");
    assert_eq!(with(needed - 1), Err(Refusal::UnknownOperation));
}
