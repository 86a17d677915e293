-- No foreign keys: what goes with an account or a document is deleted by name, in the same transaction.
CREATE TABLE accounts (
    id            BLOB    NOT NULL PRIMARY KEY,
    kind          TEXT    NOT NULL,
    username      TEXT,
    name_key      TEXT    UNIQUE,
    display_name  TEXT    NOT NULL,
    password_hash TEXT,
    created_ms    INTEGER NOT NULL,
    deleted_ms    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    id         BLOB    NOT NULL PRIMARY KEY,
    account    BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    key_hash   BLOB    UNIQUE,
    created_ms INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL,
    revoked_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_by_account ON devices (account, seen_ms);
CREATE INDEX devices_by_revocation ON devices (revoked_ms);

CREATE TABLE refresh_tokens (
    hash       BLOB    NOT NULL PRIMARY KEY,
    device     BLOB    NOT NULL,
    account    BLOB    NOT NULL,
    parent     BLOB,
    issued_ms  INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_device ON refresh_tokens (device);
CREATE INDEX refresh_tokens_by_account ON refresh_tokens (account);
CREATE INDEX refresh_tokens_by_parent ON refresh_tokens (parent);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_ms);

CREATE TABLE grants (
    document   BLOB    NOT NULL,
    account    BLOB    NOT NULL,
    role       TEXT    NOT NULL,
    granted_by BLOB,
    granted_ms INTEGER NOT NULL,
    PRIMARY KEY (document, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX grants_by_account ON grants (account, document);

CREATE TABLE invitations (
    hash       BLOB    NOT NULL PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE,
    document   BLOB    NOT NULL,
    role       TEXT    NOT NULL,
    created_by BLOB    NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    uses_left  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX invitations_by_document ON invitations (document, id);
CREATE INDEX invitations_by_creator ON invitations (created_by);
CREATE INDEX invitations_by_expiry ON invitations (expires_ms);

CREATE TABLE api_keys (
    id         BLOB    NOT NULL PRIMARY KEY,
    hash       BLOB    NOT NULL UNIQUE,
    account    BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_account ON api_keys (account, id);

CREATE TABLE signing_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    secret     BLOB    NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    hash       BLOB    NOT NULL PRIMARY KEY,
    request    BLOB    NOT NULL,
    outcome    TEXT    NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_ms);

CREATE TABLE audit_log (
    seq      INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    previous BLOB    NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;

CREATE TABLE document_actors (
    document BLOB NOT NULL,
    actor    BLOB NOT NULL,
    account  BLOB NOT NULL,
    PRIMARY KEY (document, actor)
) STRICT, WITHOUT ROWID;
