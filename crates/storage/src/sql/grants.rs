//! Grants, invitations, and the actors that are bound to accounts.

macro_rules! upsert {
    () => {
        "ON CONFLICT (document, account) DO UPDATE SET role = excluded.role, \
         granted_by = excluded.granted_by, granted_ms = excluded.granted_ms"
    };
}

macro_rules! is_last_owner {
    () => {
        "mine.role = 'owner' AND NOT EXISTS (SELECT 1 FROM grants AS other WHERE \
         other.document = mine.document AND other.account <> mine.account AND other.role = 'owner')"
    };
}

/// Who has lost a document must not come back by what it has handed out.
macro_rules! creator_owns {
    () => {
        "EXISTS (SELECT 1 FROM grants WHERE grants.document = invitations.document \
         AND grants.account = invitations.created_by AND grants.role = 'owner')"
    };
}

/// Answers a row when the document was deleted: document.
pub const TOMBSTONE: &str = "SELECT id FROM documents WHERE id = $1 AND deleted_ms IS NOT NULL";

/// The role: document, account.
pub const ROLE: &str = "SELECT role FROM grants WHERE document = $1 AND account = $2";

/// How an account stands to a document: document, account. Its role, and how many documents, deleted ones too, have
/// this id.
pub const STANDING: &str = "SELECT (SELECT role FROM grants WHERE document = $1 AND account = $2), \
    (SELECT COUNT(*) FROM documents WHERE id = $1)";

/// The role, when it is this one: document, account, role.
pub const ROLE_IF: &str = "SELECT role FROM grants WHERE document = $1 AND account = $2 AND role = $3";

/// The role, when it is at least this one: document, account, role.
pub const ROLE_FROM: &str = "SELECT role FROM grants WHERE document = $1 AND account = $2 \
    AND (role = $3 OR role = 'owner' OR $3 = 'viewer')";

/// A page of the grants of a document: document, after, limit.
pub const OF_DOCUMENT: &str = "SELECT account, role, granted_by, granted_ms FROM grants \
    WHERE document = $1 AND account > $2 ORDER BY account LIMIT $3";

/// A page of the grants of an account: account, after, limit.
pub const OF_ACCOUNT: &str = "SELECT document, role FROM grants \
    WHERE account = $1 AND document > $2 ORDER BY document LIMIT $3";

/// Answers a row when the account is the last owner: document, account.
pub const LAST_OWNER: &str =
    concat!("SELECT account FROM grants AS mine WHERE document = $1 AND account = $2 AND ", is_last_owner!());

/// Documents that others use and that only this account owns: account, limit.
pub const SOLE_OWNER_OF_SHARED: &str = concat!(
    "SELECT document FROM grants AS mine WHERE account = $1 AND ",
    is_last_owner!(),
    " AND EXISTS (SELECT 1 FROM grants AS other WHERE other.document = mine.document \
     AND other.account <> mine.account) ORDER BY document LIMIT $2"
);

/// Makes the insert replace the role.
pub const ON_CONFLICT: &str = upsert!();

/// Gives a role: document, account, role, by, at.
pub const UPSERT: &str = concat!(
    "INSERT INTO grants (document, account, role, granted_by, granted_ms) VALUES ($1, $2, $3, $4, $5) ",
    upsert!()
);

/// Gives whoever creates a document, and lives, the role of its owner: document, at, account.
pub const INSERT_OWNER: &str = concat!(
    "INSERT INTO grants (document, account, role, granted_ms) \
     SELECT $1, id, 'owner', $2 FROM accounts WHERE id = $3 AND deleted_ms IS NULL ",
    upsert!()
);

/// Takes a role: document, account.
pub const DELETE: &str = "DELETE FROM grants WHERE document = $1 AND account = $2";

/// Takes all roles of an account on documents that others have roles on: account.
pub const DELETE_SHARED: &str = "DELETE FROM grants WHERE account = $1 AND EXISTS \
    (SELECT 1 FROM grants AS other WHERE other.document = grants.document \
     AND other.account <> grants.account)";

/// A page of documents that only deleted accounts have: after, limit.
pub const ABANDONED: &str = "SELECT DISTINCT grants.document FROM grants \
    JOIN accounts ON accounts.id = grants.account AND accounts.deleted_ms IS NOT NULL \
    WHERE grants.document > $1 ORDER BY grants.document LIMIT $2";

/// A new invitation: hash, id, document, role, creator, created, expires, uses.
pub const INSERT_INVITATION: &str = "INSERT INTO invitations \
    (hash, id, document, role, created_by, created_ms, expires_ms, uses_left) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A page of the invitations of its owners to a document: document, after, limit.
pub const INVITATIONS: &str = concat!(
    "SELECT id, role, created_by, created_ms, expires_ms, uses_left \
     FROM invitations WHERE document = $1 AND id > $2 AND ",
    creator_owns!(),
    " ORDER BY id LIMIT $3"
);

/// An invitation that holds: hash, now.
pub const INVITATION: &str = concat!(
    "SELECT id, document, role, created_by FROM invitations \
     WHERE hash = $1 AND expires_ms > $2 AND uses_left > 0 AND ",
    creator_owns!()
);

/// Counts a use of an invitation that holds: hash, now.
pub const USE_INVITATION: &str = concat!(
    "UPDATE invitations SET uses_left = uses_left - 1 \
     WHERE hash = $1 AND expires_ms > $2 AND uses_left > 0 AND ",
    creator_owns!()
);

/// Takes an invitation back: document, id.
pub const DELETE_INVITATION: &str = "DELETE FROM invitations WHERE document = $1 AND id = $2";

/// Takes back what an account has invited to, and every invitation to its own documents: account.
pub const DELETE_INVITATIONS_OF: &str = "DELETE FROM invitations WHERE created_by = $1 \
    OR document IN (SELECT document FROM grants WHERE account = $1)";

/// Drops some of the invitations that hold no more: now, how many.
pub const FORGET_INVITATIONS: &str = "DELETE FROM invitations WHERE hash IN \
    (SELECT hash FROM invitations WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2)";

/// Columns to insert into `document_actors`.
pub const INSERT_ACTOR_INTO: &str = "INSERT INTO document_actors (document, actor, account)";

/// Makes the first binding win.
pub const ON_ACTOR_CONFLICT: &str = "ON CONFLICT (document, actor) DO NOTHING";

/// Binds an actor: document, actor, account.
pub const INSERT_ACTOR: &str = "INSERT INTO document_actors (document, actor, account) \
    VALUES ($1, $2, $3) ON CONFLICT (document, actor) DO NOTHING";

/// Who writes as whom: document.
pub const ACTORS: &str = "SELECT actor, account FROM document_actors WHERE document = $1";

/// A page of it: document, after, limit.
pub const ACTORS_PAGE: &str = "SELECT actor, account FROM document_actors \
    WHERE document = $1 AND actor > $2 ORDER BY actor LIMIT $3";
