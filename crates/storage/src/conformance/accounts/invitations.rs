//! Invitations: so many uses mean so many accounts, and nobody is lowered.

use super::grants::{create, give};
use super::{HOUR, NOW, Stores, account_id, register, register_many, secret, sixteen};
use crate::accounts::{
    Granting, Invitation, Inviting, NewInvitation, NotOwner, Redemption, Revocation, Withdrawal,
};
use crate::conformance::document;
use crate::{AccountStore, StorageError};
use tiebreak_protocol::{AccountId, DocumentId, KeyId, Role};

pub(super) async fn run_all(stores: &Stores) {
    register(&stores.accounts, "inviter").await;
    an_invitation_gives_its_role(&stores.accounts).await;
    so_many_uses_mean_so_many_accounts(&stores.accounts).await;
    an_account_that_comes_twice_counts_once(&stores.accounts).await;
    a_role_that_is_there_is_never_lowered(&stores.accounts).await;
    an_invitation_that_does_not_hold_is_invalid(&stores.accounts).await;
    an_account_that_is_gone_redeems_nothing(&stores.accounts).await;
    invitations_go_with_their_document_and_their_creator(stores).await;
    an_invitation_holds_while_its_creator_owns_the_document(&stores.accounts).await;
    only_an_owner_invites_and_takes_back(&stores.accounts).await;
}

fn key_id(name: &str) -> KeyId {
    KeyId::from_bytes(sixteen("key", name))
}

fn invitation(name: &str, role: Role, uses: i64) -> NewInvitation {
    NewInvitation {
        id: key_id(name),
        hash: secret(name),
        document: document(name),
        role,
        created_by: account_id("inviter"),
        expires_ms: NOW + HOUR,
        uses,
    }
}

/// Makes an invitation of somebody who owns the document.
async fn invite(store: &AccountStore, new: NewInvitation) {
    give(store, new.document, new.created_by, Role::Owner).await;
    assert_eq!(store.create_invitation(new, NOW).await, Ok(Inviting::Invited));
}

async fn redeem(store: &AccountStore, name: &str, account: AccountId) -> Redemption {
    store.redeem_invitation(secret(name), account, NOW + 1).await.unwrap()
}

async fn uses_left(store: &AccountStore, id: DocumentId) -> Vec<i64> {
    store.invitations(id).await.unwrap().iter().map(|invitation| invitation.uses_left).collect()
}

async fn an_invitation_gives_its_role(store: &AccountStore) {
    let ann = register(store, "guest").await;
    let new = invitation("party", Role::Editor, 2);
    invite(store, new.clone()).await;
    let listed = Invitation {
        id: new.id,
        role: Role::Editor,
        created_by: new.created_by,
        created_ms: NOW,
        expires_ms: NOW + HOUR,
        uses_left: 2,
    };
    assert_eq!(store.invitations(new.document).await, Ok(vec![listed]));
    let redeemed = Redemption::Redeemed { document: new.document, role: Role::Editor };
    assert_eq!(redeem(store, "party", ann).await, redeemed);
    assert_eq!(store.role(new.document, ann).await, Ok(Some(Role::Editor)));
    let grants = store.grants(new.document).await.unwrap();
    let granted = grants.iter().find(|grant| grant.account == ann).unwrap();
    assert_eq!(granted.granted_by, Some(new.created_by));
    assert_eq!(uses_left(store, new.document).await, [1]);
}

async fn so_many_uses_mean_so_many_accounts(store: &AccountStore) {
    let guests = register_many(store, "guest at once", 50).await;
    invite(store, invitation("crowd", Role::Viewer, 7)).await;
    // Each comes twice, at the same time.
    let redemptions = guests.iter().chain(&guests).map(|guest| {
        let (store, guest) = (store.clone(), *guest);
        tokio::spawn(async move { (guest, redeem(&store, "crowd", guest).await) })
    });
    let mut came = std::collections::BTreeSet::new();
    for redemption in redemptions.collect::<Vec<_>>() {
        if let (guest, Redemption::Redeemed { .. }) = redemption.await.unwrap() {
            came.insert(guest);
        }
    }
    assert_eq!(came.len(), 7);
    let granted = store.grants(document("crowd")).await.unwrap();
    let guests = granted.iter().filter(|grant| grant.role == Role::Viewer);
    assert!(guests.map(|grant| grant.account).eq(came));
    assert_eq!(uses_left(store, document("crowd")).await, [0]);
}

async fn an_account_that_comes_twice_counts_once(store: &AccountStore) {
    let ann = register(store, "guest who comes twice").await;
    invite(store, invitation("twice", Role::Editor, 2)).await;
    let redeemed = redeem(store, "twice", ann).await;
    assert_eq!(redeem(store, "twice", ann).await, redeemed);
    assert_eq!(uses_left(store, document("twice")).await, [1]);
}

async fn a_role_that_is_there_is_never_lowered(store: &AccountStore) {
    for has in Role::ALL {
        for invited in Role::ALL {
            let name = format!("{has} invited as {invited}");
            let (ann, id) = (register(store, &name).await, document(&name));
            give(store, id, ann, has).await;
            invite(store, invitation(&name, invited, 1)).await;
            let role = has.max(invited);
            assert_eq!(redeem(store, &name, ann).await, Redemption::Redeemed { document: id, role });
            assert_eq!(store.role(id, ann).await, Ok(Some(role)), "{name}");
            assert_eq!(uses_left(store, id).await, [i64::from(has >= invited)], "{name}");
        }
    }
}

async fn an_invitation_that_does_not_hold_is_invalid(store: &AccountStore) {
    let ann = register(store, "guest without luck").await;
    assert_eq!(redeem(store, "unknown", ann).await, Redemption::Invalid);
    for (name, uses) in [("used up", 0), ("expiring invitation", 5), ("taken back", 5)] {
        invite(store, invitation(name, Role::Viewer, uses)).await;
    }
    assert_eq!(redeem(store, "used up", ann).await, Redemption::Invalid);
    let expired = store.redeem_invitation(secret("expiring invitation"), ann, NOW + HOUR).await;
    assert_eq!(expired, Ok(Redemption::Invalid));
    let (elsewhere, id) = (document("elsewhere"), document("taken back"));
    let revoke = async |document| store.revoke_invitation(document, key_id("taken back"), None, NOW).await;
    assert_eq!(revoke(elsewhere).await, Ok(Withdrawal::NotThere), "an invitation belongs to its document");
    assert_eq!(revoke(id).await, Ok(Withdrawal::Withdrawn));
    assert_eq!(revoke(id).await, Ok(Withdrawal::NotThere));
    assert_eq!(redeem(store, "taken back", ann).await, Redemption::Invalid);
    assert_eq!(store.roles_of(ann, None, 10).await, Ok(Vec::new()));
}

async fn an_account_that_is_gone_redeems_nothing(store: &AccountStore) {
    let gone = register(store, "guest who is gone").await;
    store.delete_account(gone, None, NOW).await.unwrap();
    invite(store, invitation("too late", Role::Viewer, 1)).await;
    assert_eq!(redeem(store, "too late", gone).await, Redemption::Invalid);
    assert_eq!(uses_left(store, document("too late")).await, [1]);
}

async fn invitations_go_with_their_document_and_their_creator(stores: &Stores) {
    let host = register(&stores.accounts, "host").await;
    let other = register(&stores.accounts, "other host").await;
    let guest = register(&stores.accounts, "late guest").await;
    for name in ["deleted party", "hermit's party", "shared party"] {
        let id = create(&*stores.documents, name, host).await;
        let new = NewInvitation { created_by: host, ..invitation(name, Role::Viewer, 5) };
        invite(&stores.accounts, new).await;
        if name == "shared party" {
            give(&stores.accounts, id, other, Role::Owner).await;
        }
    }
    assert_eq!(stores.documents.delete(document("deleted party")).await, Ok(true));
    assert_eq!(redeem(&stores.accounts, "deleted party", guest).await, Redemption::Invalid);
    let refused = stores.accounts.create_invitation(invitation("deleted party", Role::Viewer, 1), NOW).await;
    assert_eq!(refused, Err(StorageError::Deleted));
    stores.accounts.delete_account(host, Some(host), NOW).await.unwrap();
    for name in ["hermit's party", "shared party"] {
        assert_eq!(redeem(&stores.accounts, name, guest).await, Redemption::Invalid, "{name}");
    }
    assert_eq!(stores.documents.delete(document("hermit's party")).await, Ok(true));
}

async fn an_invitation_holds_while_its_creator_owns_the_document(store: &AccountStore) {
    let first = register(store, "owner who invites").await;
    let other = register(store, "owner who puts an end to it").await;
    for (name, left) in [("demoted", Some(Role::Editor)), ("thrown out", None)] {
        let new = NewInvitation { created_by: first, ..invitation(name, Role::Owner, 5) };
        let id = new.document;
        give(store, id, other, Role::Owner).await;
        invite(store, new).await;
        assert_eq!(uses_left(store, id).await, [5]);
        match left {
            Some(role) => assert!(matches!(give(store, id, first, role).await, Granting::Granted { .. })),
            None => {
                let thrown_out = store.revoke_grant(id, first, Some(other), NOW).await;
                assert_eq!(thrown_out, Ok(Revocation::Revoked { before: Role::Owner }));
            }
        }
        assert_eq!(redeem(store, name, first).await, Redemption::Invalid, "{name}");
        assert_eq!(store.role(id, first).await, Ok(left), "{name}");
        assert_eq!(store.invitations(id).await, Ok(Vec::new()), "{name}");
    }
}

async fn only_an_owner_invites_and_takes_back(store: &AccountStore) {
    let owner = register(store, "owner of the guest list").await;
    let other = register(store, "no owner of the guest list").await;
    let new = NewInvitation { created_by: owner, ..invitation("guest list", Role::Viewer, 5) };
    let (id, invited) = (new.document, new.id);
    invite(store, new.clone()).await;
    let theirs = NewInvitation { created_by: other, ..invitation("other guest list", Role::Viewer, 5) };
    let theirs = NewInvitation { document: id, ..theirs };
    for (role, why) in [(None, NotOwner::Stranger), (Some(Role::Editor), NotOwner::Member)] {
        if let Some(role) = role {
            give(store, id, other, role).await;
        }
        let inviting = store.create_invitation(theirs.clone(), NOW).await;
        assert_eq!(inviting, Ok(Inviting::NotAllowed(why)));
        let withdrawal = store.revoke_invitation(id, invited, Some(other), NOW).await;
        assert_eq!(withdrawal, Ok(Withdrawal::NotAllowed(why)));
    }
    let withdrawal = store.revoke_invitation(id, invited, Some(owner), NOW).await;
    assert_eq!(withdrawal, Ok(Withdrawal::Withdrawn));
}
