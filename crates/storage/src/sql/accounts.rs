//! Accounts, and the idempotency keys of their registration.

macro_rules! columns {
    () => {
        "id, kind, username, display_name, password_hash, created_ms, deleted_ms"
    };
}

/// Answers a row when the account lives: account.
pub const LIVE: &str = "SELECT id FROM accounts WHERE id = $1 AND deleted_ms IS NULL";

/// An account, deleted or not: account.
pub const BY_ID: &str = concat!("SELECT ", columns!(), " FROM accounts WHERE id = $1");

/// The account of a name: name key.
pub const BY_NAME: &str = concat!("SELECT ", columns!(), " FROM accounts WHERE name_key = $1");

/// A page of live accounts: after, limit.
pub const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM accounts WHERE id > $1 AND deleted_ms IS NULL ORDER BY id LIMIT $2"
);

/// A new account unless its id is taken: id, kind, username, name key, display name, password hash, created.
pub const INSERT: &str = "INSERT INTO accounts \
    (id, kind, username, name_key, display_name, password_hash, created_ms) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";

/// Answers a row when the account lives and has this password: account, password hash.
pub const HAS_PASSWORD: &str =
    "SELECT id FROM accounts WHERE id = $1 AND deleted_ms IS NULL AND password_hash = $2";

/// Another password: password hash, account.
pub const SET_PASSWORD: &str = "UPDATE accounts SET password_hash = $1 WHERE id = $2";

/// The same password in another form: password hash, account, the form before.
pub const REHASH_PASSWORD: &str =
    "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3";

/// Another name to show, of a live account: display name, account.
pub const SET_DISPLAY_NAME: &str =
    "UPDATE accounts SET display_name = $1 WHERE id = $2 AND deleted_ms IS NULL";

/// Leaves a tombstone: deleted, account.
pub const DELETE: &str = "UPDATE accounts SET username = NULL, name_key = NULL, display_name = '', \
    password_hash = NULL, deleted_ms = $1 WHERE id = $2";

/// What a key stands for: key hash, not older than. Answers request, outcome.
pub const IDEMPOTENT: &str =
    "SELECT request, outcome FROM idempotency_keys WHERE hash = $1 AND created_ms > $2";

/// Keeps a key, in place of one that is too old: key hash, request, outcome, created.
pub const UPSERT_IDEMPOTENT: &str = "INSERT INTO idempotency_keys (hash, request, outcome, created_ms) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (hash) DO UPDATE SET request = excluded.request, \
    outcome = excluded.outcome, created_ms = excluded.created_ms";

/// Drops some of the keys that are too old: created until, how many.
pub const FORGET_IDEMPOTENT: &str = "DELETE FROM idempotency_keys WHERE hash IN \
    (SELECT hash FROM idempotency_keys WHERE created_ms <= $1 ORDER BY created_ms LIMIT $2)";
