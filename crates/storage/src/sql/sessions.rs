//! Devices and their refresh tokens.

macro_rules! device_columns {
    () => {
        "devices.id, devices.account, devices.name, devices.created_ms, devices.seen_ms, devices.revoked_ms"
    };
}

macro_rules! live_device_of {
    ($from:literal) => {
        concat!(
            "SELECT ",
            device_columns!(),
            " FROM ",
            $from,
            " JOIN accounts ON accounts.id = devices.account \
             AND accounts.deleted_ms IS NULL AND devices.revoked_ms IS NULL",
        )
    };
}

/// The sibling of a token that was used first, or the token itself: both go on as one.
macro_rules! first_used_of {
    ($hash:literal) => {
        concat!(
            "COALESCE((SELECT used.hash FROM refresh_tokens AS presented \
             JOIN refresh_tokens AS used ON used.parent = presented.parent \
             WHERE presented.hash = ",
            $hash,
            " AND used.used_ms IS NOT NULL), ",
            $hash,
            ")",
        )
    };
}

/// A new device: id, account, name, key hash, created, seen.
pub const INSERT_DEVICE: &str = "INSERT INTO devices (id, account, name, key_hash, created_ms, seen_ms) \
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Devices of an account that have not ended, but for so many that were seen last: account, limit, number.
pub const DEVICES_BEYOND: &str = concat!(
    "SELECT ",
    device_columns!(),
    " FROM devices WHERE account = $1 AND revoked_ms IS NULL ORDER BY seen_ms DESC, id LIMIT $2 OFFSET $3"
);

/// Drops some of the devices that ended long ago: ended until, how many.
pub const FORGET_DEVICES: &str = "DELETE FROM devices WHERE id IN \
    (SELECT id FROM devices WHERE revoked_ms <= $1 ORDER BY revoked_ms LIMIT $2)";

/// One device: device.
pub const DEVICE: &str = concat!("SELECT ", device_columns!(), " FROM devices WHERE id = $1");

/// Answers a row when the device has not ended: device, account.
pub const LIVE_DEVICE: &str = "SELECT id FROM devices WHERE id = $1 AND account = $2 AND revoked_ms IS NULL";

/// The latest devices of an account: account, limit.
pub const DEVICES: &str = concat!(
    "SELECT ",
    device_columns!(),
    " FROM devices WHERE account = $1 ORDER BY seen_ms DESC, id LIMIT $2"
);

/// The device of a key, unless it or its account has ended: key hash.
pub const DEVICE_BY_KEY: &str = concat!(live_device_of!("devices"), " WHERE devices.key_hash = $1");

/// A page of the devices that have ended: since, after, limit.
pub const REVOKED_SINCE: &str =
    "SELECT id FROM devices WHERE revoked_ms >= $1 AND id > $2 ORDER BY id LIMIT $3";

/// Ends a device that has not: ended, device, account.
pub const END_DEVICE: &str = "UPDATE devices SET revoked_ms = $1, key_hash = NULL \
    WHERE id = $2 AND account = $3 AND revoked_ms IS NULL";

/// Ends all devices of an account but one: ended, account, kept. Answers which.
pub const END_DEVICES_BUT: &str = "UPDATE devices SET revoked_ms = $1, key_hash = NULL \
    WHERE account = $2 AND revoked_ms IS NULL AND id <> $3 RETURNING id";

/// Takes the names from the devices of an account: account.
pub const UNNAME_DEVICES: &str = "UPDATE devices SET name = '' WHERE account = $1";

/// The device was seen: seen, device.
pub const DEVICE_SEEN: &str = "UPDATE devices SET seen_ms = $1 WHERE id = $2";

/// The device of a token was seen: seen, hash.
pub const DEVICE_SEEN_BY_TOKEN: &str = "UPDATE devices SET seen_ms = $1 \
    WHERE id = (SELECT device FROM refresh_tokens WHERE hash = $2)";

/// The first token of a device: hash, device, account, issued, expires.
pub const INSERT_FIRST_TOKEN: &str = "INSERT INTO refresh_tokens \
    (hash, device, account, issued_ms, expires_ms) VALUES ($1, $2, $3, $4, $5)";

/// A token after another one: hash, issued, expires, the hash before.
pub const INSERT_NEXT_TOKEN: &str = concat!(
    "INSERT INTO refresh_tokens (hash, device, account, parent, issued_ms, expires_ms) \
     SELECT $1, device, account, hash, $2, $3 FROM refresh_tokens WHERE hash = ",
    first_used_of!("$4")
);

/// The device of a token that still holds: hash, now.
pub const DEVICE_BY_TOKEN: &str = concat!(
    live_device_of!("refresh_tokens JOIN devices ON devices.id = refresh_tokens.device"),
    " WHERE refresh_tokens.hash = $1 AND refresh_tokens.expires_ms > $2"
);

/// The device of a token whose successor was used, or that was replaced by a sibling: because that was used first and
/// the grace is over, or because that was issued after the grace. Token, the latest issue whose grace is over, grace.
pub const DEVICE_BY_SPENT_TOKEN: &str = concat!(
    "SELECT ",
    device_columns!(),
    " FROM refresh_tokens AS mine JOIN devices ON devices.id = mine.device WHERE mine.hash = $1 AND (\
     EXISTS (SELECT 1 FROM refresh_tokens AS next WHERE next.used_ms IS NOT NULL AND next.parent = ",
    first_used_of!("$1"),
    ") OR EXISTS (SELECT 1 FROM refresh_tokens AS beside \
     WHERE beside.parent = mine.parent AND beside.hash <> mine.hash \
     AND (beside.used_ms IS NOT NULL AND mine.issued_ms <= $2 OR beside.issued_ms - mine.issued_ms >= $3)))"
);

/// A token was used, unless a sibling was before: used, hash.
pub const TOKEN_USED: &str =
    concat!("UPDATE refresh_tokens SET used_ms = COALESCE(used_ms, $1) WHERE hash = ", first_used_of!("$2"));

/// Ends the tokens of a device: device.
pub const DELETE_TOKENS_OF_DEVICE: &str = "DELETE FROM refresh_tokens WHERE device = $1";

/// Ends the tokens of an account but for one device: account, kept.
pub const DELETE_TOKENS_BUT: &str = "DELETE FROM refresh_tokens WHERE account = $1 AND device <> $2";

/// Drops some of the tokens that hold no more: now, how many.
pub const FORGET_TOKENS: &str = "DELETE FROM refresh_tokens WHERE hash IN \
    (SELECT hash FROM refresh_tokens WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2)";
