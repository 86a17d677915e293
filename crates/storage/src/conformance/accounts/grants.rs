//! Grants, and the last owner, whom nobody gets rid of.

use super::{NOW, Stores, account_id, register, register_many};
use crate::accounts::{AccountDeletion, Grant, Granting, NewGrant, NotOwner, PAGE_ROWS_MAX, Revocation};
use crate::conformance::{batch, document};
use crate::{AccountStore, Append, DocumentStore, StorageError};
use tiebreak_protocol::{AccountId, ActorId, DocumentId, Role};

pub(super) async fn run_all(stores: &Stores) {
    whoever_creates_a_document_owns_it(stores).await;
    documents_created_together_have_each_their_owner(stores).await;
    a_role_replaces_the_one_before(&stores.accounts).await;
    nobody_gets_no_role(stores).await;
    the_last_owner_is_neither_lowered_nor_leaves(stores).await;
    ownership_is_handed_over(stores).await;
    of_two_owners_who_leave_at_once_one_stays(stores).await;
    grants_go_on_beyond_a_page(stores).await;
    the_roles_of_an_account_are_listed_in_pages(&stores.accounts).await;
    a_deleted_document_has_no_grants_and_gets_none(stores).await;
    who_owns_alone_what_others_use_is_not_deleted(stores).await;
    a_deleted_account_leaves_its_own_documents_to_be_deleted(stores).await;
    actors_are_found_by_their_document(stores).await;
    only_an_owner_gives_and_takes(&stores.accounts).await;
}

pub(super) async fn create(store: &dyn DocumentStore, name: &str, owner: AccountId) -> DocumentId {
    let id = document(name);
    let append = Append { owner: Some(owner), ..batch(id, 1..=1, NOW) };
    assert!(store.append(append).await.unwrap().created, "{name}");
    id
}

pub(super) async fn give(store: &AccountStore, document: DocumentId, to: AccountId, role: Role) -> Granting {
    store.grant(NewGrant { document, account: to, role, by: None }, NOW).await.unwrap()
}

async fn leave(store: &AccountStore, document: DocumentId, account: AccountId) -> Revocation {
    store.revoke_grant(document, account, Some(account), NOW).await.unwrap()
}

async fn whoever_creates_a_document_owns_it(stores: &Stores) {
    let ann = register(&stores.accounts, "creator").await;
    let bob = register(&stores.accounts, "late creator").await;
    let id = create(&*stores.documents, "owned", ann).await;
    let late = Append { owner: Some(bob), ..batch(id, 2..=2, NOW) };
    assert!(stores.documents.append(late).await.is_ok());
    let owner = Grant { account: ann, role: Role::Owner, granted_by: None, granted_ms: NOW };
    assert_eq!(stores.accounts.grants(id).await, Ok(vec![owner]));
    assert_eq!(stores.accounts.role(id, ann).await, Ok(Some(Role::Owner)));
    assert_eq!(stores.accounts.role(id, bob).await, Ok(None));
    let orphan = create(&*stores.documents, "of nobody", account_id("nobody")).await;
    assert_eq!(stores.accounts.grants(orphan).await, Ok(Vec::new()));
    assert!(matches!(
        stores.accounts.delete_account(bob, None, NOW).await,
        Ok(AccountDeletion::Deleted { .. })
    ));
    let orphan = create(&*stores.documents, "of somebody gone", bob).await;
    assert_eq!(stores.accounts.grants(orphan).await, Ok(Vec::new()));
    let empty = Append { owner: Some(ann), changes: Vec::new(), ..batch(document("empty"), 1..=1, NOW) };
    assert!(stores.documents.append(empty).await.is_ok());
    assert_eq!(stores.accounts.grants(document("empty")).await, Ok(Vec::new()), "nothing was created");
}

async fn documents_created_together_have_each_their_owner(stores: &Stores) {
    let owners = register_many(&stores.accounts, "creator among many", 20).await;
    let creations = owners.iter().enumerate().map(|(number, owner)| {
        let (documents, owner) = (std::sync::Arc::clone(&stores.documents), *owner);
        tokio::spawn(async move { create(&*documents, &format!("among many {number}"), owner).await })
    });
    for (creation, owner) in creations.collect::<Vec<_>>().into_iter().zip(owners) {
        let grants = stores.accounts.grants(creation.await.unwrap()).await.unwrap();
        assert!(grants.iter().map(|grant| (grant.account, grant.role)).eq([(owner, Role::Owner)]));
    }
}

async fn a_role_replaces_the_one_before(store: &AccountStore) {
    let (ann, bob) = (register(store, "giver").await, register(store, "taker").await);
    let id = document("given");
    give(store, id, ann, Role::Owner).await;
    let mut before = None;
    for role in [Role::Viewer, Role::Editor, Role::Editor, Role::Viewer] {
        let grant = NewGrant { document: id, account: bob, role, by: Some(ann) };
        assert_eq!(store.grant(grant, NOW).await, Ok(Granting::Granted { before }));
        assert_eq!(store.role(id, bob).await, Ok(Some(role)));
        before = Some(role);
    }
    let grants = store.grants(id).await.unwrap();
    assert_eq!(grants.iter().find(|grant| grant.account == bob).unwrap().granted_by, Some(ann));
    assert_eq!(leave(store, id, bob).await, Revocation::Revoked { before: Role::Viewer });
    assert_eq!(leave(store, id, bob).await, Revocation::NotThere);
    assert_eq!(store.role(id, bob).await, Ok(None));
}

async fn nobody_gets_no_role(stores: &Stores) {
    let id = document("for nobody");
    let granting = give(&stores.accounts, id, account_id("nobody"), Role::Editor).await;
    assert_eq!(granting, Granting::NoSuchAccount);
    let gone = register(&stores.accounts, "gone before").await;
    stores.accounts.delete_account(gone, None, NOW).await.unwrap();
    assert_eq!(give(&stores.accounts, id, gone, Role::Editor).await, Granting::NoSuchAccount);
}

async fn the_last_owner_is_neither_lowered_nor_leaves(stores: &Stores) {
    let owner = register(&stores.accounts, "last owner").await;
    let editor = register(&stores.accounts, "editor beside").await;
    let id = create(&*stores.documents, "with one owner", owner).await;
    give(&stores.accounts, id, editor, Role::Editor).await;
    for role in [Role::Viewer, Role::Editor] {
        assert_eq!(give(&stores.accounts, id, owner, role).await, Granting::LastOwner);
    }
    assert_eq!(leave(&stores.accounts, id, owner).await, Revocation::LastOwner);
    assert_eq!(stores.accounts.role(id, owner).await, Ok(Some(Role::Owner)));
    let again = give(&stores.accounts, id, owner, Role::Owner).await;
    assert_eq!(again, Granting::Granted { before: Some(Role::Owner) });
}

async fn ownership_is_handed_over(stores: &Stores) {
    let first = register(&stores.accounts, "first owner").await;
    let second = register(&stores.accounts, "second owner").await;
    let id = create(&*stores.documents, "handed over", first).await;
    assert_eq!(give(&stores.accounts, id, second, Role::Owner).await, Granting::Granted { before: None });
    let lowered = give(&stores.accounts, id, first, Role::Viewer).await;
    assert_eq!(lowered, Granting::Granted { before: Some(Role::Owner) });
    assert_eq!(leave(&stores.accounts, id, first).await, Revocation::Revoked { before: Role::Viewer });
    assert_eq!(leave(&stores.accounts, id, second).await, Revocation::LastOwner);
}

async fn of_two_owners_who_leave_at_once_one_stays(stores: &Stores) {
    let owners = register_many(&stores.accounts, "leaving owner", 2).await;
    for round in 0..20 {
        let id = create(&*stores.documents, &format!("left at once {round}"), owners[0]).await;
        give(&stores.accounts, id, owners[1], Role::Owner).await;
        let left = tokio::join!(
            leave(&stores.accounts, id, owners[0]),
            give(&stores.accounts, id, owners[1], Role::Viewer),
        );
        let went = (
            matches!(left.0, Revocation::Revoked { before: Role::Owner }),
            matches!(left.1, Granting::Granted { before: Some(Role::Owner) }),
        );
        assert!(went == (true, false) || went == (false, true), "{left:?}");
        let kept = stores.accounts.grants(id).await.unwrap();
        assert_eq!(kept.iter().filter(|grant| grant.role == Role::Owner).count(), 1);
    }
}

async fn grants_go_on_beyond_a_page(stores: &Stores) {
    let id = document("crowded");
    let many = register_many(&stores.accounts, "in a crowd", PAGE_ROWS_MAX + 1).await;
    let grants = many.iter().map(|account| {
        let (store, account) = (stores.accounts.clone(), *account);
        tokio::spawn(async move { give(&store, id, account, Role::Viewer).await })
    });
    for grant in grants.collect::<Vec<_>>() {
        assert_eq!(grant.await.unwrap(), Granting::Granted { before: None });
    }
    let grants = stores.accounts.grants(id).await.unwrap();
    assert_eq!(grants.len(), many.len());
    assert!(grants.is_sorted_by_key(|grant| grant.account));
}

async fn the_roles_of_an_account_are_listed_in_pages(store: &AccountStore) {
    let ann = register(store, "busy").await;
    let mut expected: Vec<_> =
        (0..7).map(|number| (document(&format!("busy {number}")), Role::Editor)).collect();
    for (id, role) in &expected {
        give(store, *id, ann, *role).await;
    }
    expected.sort();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.roles_of(ann, after, 3).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        assert!(page.len() <= 3);
        listed.extend(page);
    }
    assert_eq!(listed, expected);
}

async fn a_deleted_document_has_no_grants_and_gets_none(stores: &Stores) {
    let owner = register(&stores.accounts, "owner of a deleted").await;
    let id = create(&*stores.documents, "deleted with grants", owner).await;
    let other = create(&*stores.documents, "kept beside", owner).await;
    assert_eq!(stores.documents.delete(id).await, Ok(true));
    assert_eq!(stores.accounts.grants(id).await, Ok(Vec::new()));
    assert_eq!(stores.accounts.roles_of(owner, None, 10).await, Ok(vec![(other, Role::Owner)]));
    let grant = NewGrant { document: id, account: owner, role: Role::Owner, by: None };
    assert_eq!(stores.accounts.grant(grant, NOW).await, Err(StorageError::Deleted));
    let again = Append { owner: Some(owner), ..batch(id, 1..=1, NOW) };
    assert_eq!(stores.documents.append(again).await, Err(StorageError::Deleted));
    assert_eq!(stores.accounts.grants(id).await, Ok(Vec::new()));
}

async fn who_owns_alone_what_others_use_is_not_deleted(stores: &Stores) {
    let owner = register(&stores.accounts, "needed").await;
    let viewer = register(&stores.accounts, "needing").await;
    let shared = create(&*stores.documents, "needed by others", owner).await;
    create(&*stores.documents, "needed by nobody", owner).await;
    give(&stores.accounts, shared, viewer, Role::Viewer).await;
    let refused = stores.accounts.delete_account(owner, Some(owner), NOW).await;
    assert_eq!(refused, Ok(AccountDeletion::SoleOwnerOf(vec![shared])));
    assert!(stores.accounts.account(owner).await.unwrap().unwrap().is_live());
    assert_eq!(stores.accounts.role(shared, owner).await, Ok(Some(Role::Owner)));
    give(&stores.accounts, shared, viewer, Role::Owner).await;
    let deleted = stores.accounts.delete_account(owner, Some(owner), NOW).await;
    let own = vec![document("needed by nobody")];
    assert_eq!(deleted, Ok(AccountDeletion::Deleted { documents: own.clone(), devices: Vec::new() }));
    assert_eq!(stores.accounts.role(shared, owner).await, Ok(None));
    assert_eq!(stores.accounts.role(shared, viewer).await, Ok(Some(Role::Owner)));
    assert_eq!(stores.documents.delete(own[0]).await, Ok(true));
}

async fn a_deleted_account_leaves_its_own_documents_to_be_deleted(stores: &Stores) {
    let owner = register(&stores.accounts, "hermit").await;
    let mut own = Vec::new();
    for number in 0..5 {
        own.push(create(&*stores.documents, &format!("hermit's {number}"), owner).await);
    }
    own.sort();
    assert_eq!(stores.accounts.abandoned_documents(None, 10).await, Ok(Vec::new()));
    let deleted = stores.accounts.delete_account(owner, Some(owner), NOW).await;
    assert_eq!(deleted, Ok(AccountDeletion::Deleted { documents: own.clone(), devices: Vec::new() }));
    assert_eq!(stores.accounts.abandoned_documents(None, 10).await, Ok(own.clone()));
    assert_eq!(stores.accounts.abandoned_documents(Some(own[1]), 2).await, Ok(own[2..4].to_vec()));
    for id in own {
        assert_eq!(stores.documents.delete(id).await, Ok(true));
    }
    assert_eq!(stores.accounts.abandoned_documents(None, 10).await, Ok(Vec::new()));
}

async fn actors_are_found_by_their_document(stores: &Stores) {
    let (id, ann) = (document("written by many"), account_id("writer"));
    let actors: Vec<_> =
        (0..=PAGE_ROWS_MAX as u32).map(|number| (ActorId::from_bytes(&number.to_be_bytes()), ann)).collect();
    let append = Append { actors: actors.clone(), ..batch(id, 1..=1, NOW) };
    assert!(stores.documents.append(append).await.is_ok());
    assert_eq!(stores.accounts.bound_actors(id).await, Ok(actors.into_iter().collect()));
    assert_eq!(stores.documents.delete(id).await, Ok(true));
    assert!(stores.accounts.bound_actors(id).await.unwrap().is_empty());
}

async fn only_an_owner_gives_and_takes(store: &AccountStore) {
    let (id, bob) = (document("of another"), register(store, "giver without a right").await);
    let ann = register(store, "owner of another").await;
    give(store, id, ann, Role::Owner).await;
    for (role, why) in [(None, NotOwner::Stranger), (Some(Role::Editor), NotOwner::Member)] {
        if let Some(role) = role {
            give(store, id, bob, role).await;
        }
        let own = NewGrant { document: id, account: bob, role: Role::Owner, by: Some(bob) };
        assert_eq!(store.grant(own, NOW).await, Ok(Granting::NotAllowed(why)));
        let taken = store.revoke_grant(id, ann, Some(bob), NOW).await;
        assert_eq!(taken, Ok(Revocation::NotAllowed(why)));
        assert_eq!(store.role(id, bob).await, Ok(role));
    }
    assert_eq!(
        leave(store, id, bob).await,
        Revocation::Revoked { before: Role::Editor },
        "one's own is free"
    );
    assert_eq!(store.role(id, ann).await, Ok(Some(Role::Owner)));
}
