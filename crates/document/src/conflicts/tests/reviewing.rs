//! What one look tells.

use super::*;

#[test]
fn of_very_many_places_some_are_looked_at_the_next_time() {
    let places = REVIEWED_AT_ONCE_MAX + 10;
    let mut base = device(1);
    base.put(ROOT, "name", "Ann").unwrap();
    base.commit();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    for place in 0..places {
        one.put(ROOT, place.to_string(), 1).unwrap();
        two.put(ROOT, place.to_string(), 2).unwrap();
    }
    let mut document = Document::new();
    let mut merged = Vec::new();
    for author in [&mut base, &mut one, &mut two] {
        let missing = document.admit(changes_of(author), &Limits::default()).unwrap().ready;
        document.merge(&missing).unwrap();
        merged.extend(missing);
    }
    let first = document.review(DOCUMENT, &Flags::Everything, &merged, 0).unwrap();
    assert!(document.has_more_to_review());
    let second = document.review(DOCUMENT, &Flags::Everything, &[], first.len()).unwrap();
    assert!(!document.has_more_to_review());
    assert!(first.len() <= REVIEWED_AT_ONCE_MAX);
    let found: BTreeSet<_> =
        first.iter().chain(&second).filter_map(|reviewed| Some(reviewed.conflict.as_ref()?.id)).collect();
    assert_eq!(found.len(), places);
}

#[test]
fn where_nobody_disagrees_any_more_the_look_names_what_stands() {
    let mut base = device(1);
    base.put(ROOT, "name", "Ann").unwrap();
    base.commit();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    one.put(ROOT, "name", "Anna").unwrap();
    two.put(ROOT, "name", "Anne").unwrap();
    let mut server = Server::default();
    for author in [&mut base, &mut one, &mut two] {
        server.take(author);
    }
    let id = server.conflict().unwrap().id;
    let settled = server.settle(9, &Choice::Value(json!("Annie"))).unwrap();
    assert_eq!(settled.resolves(), Some(id));
    server.document.merge(std::slice::from_ref(&settled)).unwrap();
    let reviewed =
        server.document.review(DOCUMENT, &Flags::Everything, std::slice::from_ref(&settled), 1).unwrap();
    let [Reviewed { conflict: None, alone: Some(alone), .. }] = reviewed.as_slice() else {
        panic!("{reviewed:?}")
    };
    assert_eq!((alone.value.clone(), alone.change), (Some(json!("Annie")), settled.hash()));
}
