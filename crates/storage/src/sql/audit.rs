//! The audit chain.

/// The end of the chain. Answers its sequence number and hash.
pub const LAST: &str = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1";

/// The next link: seq, at, actor, action, subject, detail, previous, hash.
pub const INSERT: &str = "INSERT INTO audit_log (seq, at_ms, actor, action, subject, detail, previous, hash) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A page of the chain: after, limit.
pub const PAGE: &str = "SELECT seq, at_ms, actor, action, subject, detail, previous, hash FROM audit_log \
    WHERE seq > $1 ORDER BY seq LIMIT $2";
