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

/// The keys of an account, those that were not revoked first: account, limit.
pub const OF_ACCOUNT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM api_keys WHERE account = $1 ORDER BY CASE WHEN revoked_ms IS NULL THEN 0 ELSE 1 END, id LIMIT $2"
);

/// Answers a row when an account has more keys that hold than so many: account, now, number.
pub const HOLDS_BEYOND: &str = "SELECT id FROM api_keys WHERE account = $1 AND revoked_ms IS NULL \
    AND (expires_ms IS NULL OR expires_ms > $2) ORDER BY id LIMIT 1 OFFSET $3";

/// Ends a key that has not: ended, id.
pub const REVOKE: &str = "UPDATE api_keys SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL";

/// Ends a key of this account that has not: ended, id, account.
pub const REVOKE_OF_ACCOUNT: &str =
    "UPDATE api_keys SET revoked_ms = $1 WHERE id = $2 AND account = $3 AND revoked_ms IS NULL";

/// Drops some keys of an account that were revoked or expired long ago: account, over until, how many.
pub const FORGET: &str = "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys \
    WHERE account = $1 AND COALESCE(revoked_ms, expires_ms) <= $2 ORDER BY id LIMIT $3)";

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
