//! API keys, and the keys that sign access tokens.

macro_rules! columns {
    () => {
        "api_keys.id, api_keys.account, api_keys.name, api_keys.scope, api_keys.created_ms, \
         api_keys.expires_ms, api_keys.revoked_ms"
    };
}

/// A new key: id, hash, account, name, scope, created, expires.
pub const INSERT: &str = "INSERT INTO api_keys (id, hash, account, name, scope, created_ms, expires_ms) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// A key that holds, of a live account: hash, now.
pub const BY_HASH: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM api_keys JOIN accounts ON accounts.id = api_keys.account AND accounts.deleted_ms IS NULL \
     WHERE api_keys.hash = $1 AND api_keys.revoked_ms IS NULL \
     AND (api_keys.expires_ms IS NULL OR api_keys.expires_ms > $2)"
);

/// A key, whether or not it holds: hash.
pub const EVER_BY_HASH: &str = concat!("SELECT ", columns!(), " FROM api_keys WHERE hash = $1");

/// A page of all keys: after, limit.
pub const PAGE: &str = concat!("SELECT ", columns!(), " FROM api_keys WHERE id > $1 ORDER BY id LIMIT $2");

/// A page of the keys of an account: account, after, limit.
pub const PAGE_OF_ACCOUNT: &str =
    concat!("SELECT ", columns!(), " FROM api_keys WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3");

/// Ends a key that has not: ended, id.
pub const REVOKE: &str = "UPDATE api_keys SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL";

/// Drops the keys of an account: account.
pub const DELETE_OF_ACCOUNT: &str = "DELETE FROM api_keys WHERE account = $1";

/// The keys that sign, oldest first.
pub const SIGNING: &str = "SELECT id, secret, created_ms FROM signing_keys ORDER BY created_ms, id";

/// The key that was made last, unless it is this one: id.
pub const NEWEST_SIGNING_BUT: &str = "SELECT id, secret, created_ms FROM (SELECT id, secret, created_ms \
    FROM signing_keys ORDER BY created_ms DESC, id DESC LIMIT 1) AS newest WHERE id <> $1";

/// A new key that signs, unless its id is taken: id, secret, created.
pub const INSERT_SIGNING: &str = "INSERT INTO signing_keys (id, secret, created_ms) VALUES ($1, $2, $3) \
    ON CONFLICT (id) DO NOTHING";

/// Drops a key that signs: id.
pub const DELETE_SIGNING: &str = "DELETE FROM signing_keys WHERE id = $1";
