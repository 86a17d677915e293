use super::*;

const ANN: AccountId = AccountId::from_bytes([1; 16]);
const DOCUMENT: DocumentId = DocumentId::from_bytes([2; 16]);

fn caller(scope: Scope) -> Principal {
    Principal::Account(Caller { account: ANN, device: None, scope, key: None, until_ms: None })
}

fn standing(role: Option<Role>) -> Standing {
    Standing { document: DOCUMENT, role, exists: true }
}

/// What each kind of principal may do with a document of somebody else, and as viewer, editor and owner of it.
/// Written out: who changes a rule changes this table.
#[test]
fn every_action_is_allowed_to_whom_it_is_meant_for() {
    use Action as A;
    use Denial::{NotAllowed, NotThere, SignIn};
    let (ok, sign_in, there, allowed) = (Ok(()), Err(SignIn), Err(NotThere), Err(NotAllowed));
    let expected = |action| match action {
        //                           anonymous  stranger  viewer   editor   owner
        A::SeeServer | A::Connect | A::SignUp | A::SignIn => [ok, ok, ok, ok, ok],
        A::ManageOneself | A::SeeKinds | A::ListDocuments | A::SeeConflicts | A::RedeemInvitation => {
            [sign_in, ok, ok, ok, ok]
        }
        // There is a document with this id already.
        A::CreateDocument => [sign_in, allowed, allowed, allowed, allowed],
        A::ReadDocument | A::LeaveDocument => [sign_in, there, ok, ok, ok],
        A::WriteDocument => [sign_in, there, allowed, ok, ok],
        A::ShareDocument | A::DeleteDocument => [sign_in, there, allowed, allowed, ok],
        A::SeeOperations | A::Operate => [sign_in, allowed, allowed, allowed, allowed],
    };
    for action in Action::ALL {
        let signed_in = caller(Scope::EVERYTHING);
        let found = [
            authorize(&Principal::Anonymous, action, Some(&standing(None))),
            authorize(&signed_in, action, Some(&standing(None))),
            authorize(&signed_in, action, Some(&standing(Some(Role::Viewer)))),
            authorize(&signed_in, action, Some(&standing(Some(Role::Editor)))),
            authorize(&signed_in, action, Some(&standing(Some(Role::Owner)))),
        ];
        assert_eq!(found, expected(action), "{action:?}");
        assert_eq!(authorize(&Principal::Open, action, Some(&standing(None))), ok, "{action:?}");
        assert_eq!(authorize(&Principal::Operator, action, Some(&standing(None))), ok, "{action:?}");
    }
}

#[test]
fn a_key_carries_no_more_than_its_account_and_never_the_account_itself() {
    let own = standing(Some(Role::Owner));
    let other = Standing { document: DocumentId::from_bytes([9; 16]), ..own };
    let read_one = caller(Scope::of_key(Reach::Only([DOCUMENT].into()), Role::Viewer));
    assert_eq!(authorize(&read_one, Action::ReadDocument, Some(&own)), Ok(()));
    assert_eq!(authorize(&read_one, Action::ReadDocument, Some(&other)), Err(Denial::NotThere));
    assert_eq!(authorize(&read_one, Action::WriteDocument, Some(&own)), Err(Denial::NotAllowed));
    assert_eq!(authorize(&read_one, Action::CreateDocument, None), Err(Denial::NotAllowed));
    let taken_away = standing(None);
    assert_eq!(authorize(&read_one, Action::ReadDocument, Some(&taken_away)), Err(Denial::NotThere));
    let service = caller(Scope::of_key(Reach::All, Role::Editor));
    assert_eq!(authorize(&service, Action::WriteDocument, Some(&taken_away)), Ok(()));
    assert_eq!(authorize(&service, Action::ShareDocument, Some(&taken_away)), Err(Denial::NotAllowed));
    for key in [read_one, service] {
        assert_eq!(authorize(&key, Action::ManageOneself, None), Err(Denial::NotAllowed));
        assert_eq!(authorize(&key, Action::Operate, None), Err(Denial::NotAllowed));
    }
}

#[test]
fn an_action_on_a_document_without_a_document_is_denied() {
    for action in [Action::ReadDocument, Action::WriteDocument, Action::ShareDocument, Action::DeleteDocument]
    {
        assert_eq!(authorize(&caller(Scope::EVERYTHING), action, None), Err(Denial::NotThere));
    }
}

#[test]
fn a_connection_may_make_what_is_not_there_and_nothing_of_somebody_elses() {
    let ann = caller(Scope::EVERYTHING);
    let vacant = Standing { exists: false, ..standing(None) };
    assert_eq!(access(&ann, &vacant), Some(Access::Creates));
    assert_eq!(access(&ann, &standing(None)), None);
    assert_eq!(access(&ann, &standing(Some(Role::Viewer))), Some(Access::Reads));
    assert_eq!(access(&ann, &standing(Some(Role::Editor))), Some(Access::Writes));
    assert_eq!(access(&Principal::Anonymous, &standing(Some(Role::Owner))), None);
    let reader = caller(Scope::of_key(Reach::Granted, Role::Viewer));
    assert_eq!(access(&reader, &vacant), None);
    assert_eq!(access(&reader, &standing(Some(Role::Owner))), Some(Access::Reads));
}
