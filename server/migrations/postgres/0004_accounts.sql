-- No foreign keys: what goes with an account or a document is deleted by name, in the same transaction.
CREATE TABLE accounts (
    id            BYTEA  NOT NULL PRIMARY KEY,
    kind          TEXT   NOT NULL,
    username      TEXT,
    name_key      TEXT   UNIQUE,
    display_name  TEXT   NOT NULL,
    password_hash TEXT,
    created_ms    BIGINT NOT NULL,
    deleted_ms    BIGINT
);

CREATE TABLE devices (
    id         BYTEA  NOT NULL PRIMARY KEY,
    account    BYTEA  NOT NULL,
    name       TEXT   NOT NULL,
    key_hash   BYTEA  UNIQUE,
    created_ms BIGINT NOT NULL,
    seen_ms    BIGINT NOT NULL,
    revoked_ms BIGINT
);

CREATE INDEX devices_by_account ON devices (account, seen_ms);
CREATE INDEX devices_by_revocation ON devices (revoked_ms);

CREATE TABLE refresh_tokens (
    hash       BYTEA  NOT NULL PRIMARY KEY,
    device     BYTEA  NOT NULL,
    account    BYTEA  NOT NULL,
    parent     BYTEA,
    issued_ms  BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms    BIGINT
);

CREATE INDEX refresh_tokens_by_device ON refresh_tokens (device);
CREATE INDEX refresh_tokens_by_account ON refresh_tokens (account);
CREATE INDEX refresh_tokens_by_parent ON refresh_tokens (parent);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_ms);

CREATE TABLE grants (
    document   BYTEA  NOT NULL,
    account    BYTEA  NOT NULL,
    role       TEXT   NOT NULL,
    granted_by BYTEA,
    granted_ms BIGINT NOT NULL,
    PRIMARY KEY (document, account)
);

CREATE INDEX grants_by_account ON grants (account, document);

CREATE TABLE invitations (
    hash       BYTEA  NOT NULL PRIMARY KEY,
    id         BYTEA  NOT NULL UNIQUE,
    document   BYTEA  NOT NULL,
    role       TEXT   NOT NULL,
    created_by BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    uses_left  BIGINT NOT NULL
);

CREATE INDEX invitations_by_document ON invitations (document, id);
CREATE INDEX invitations_by_creator ON invitations (created_by);
CREATE INDEX invitations_by_expiry ON invitations (expires_ms);

CREATE TABLE api_keys (
    id         BYTEA  NOT NULL PRIMARY KEY,
    hash       BYTEA  NOT NULL UNIQUE,
    account    BYTEA  NOT NULL,
    name       TEXT   NOT NULL,
    scope      TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    revoked_ms BIGINT
);

CREATE INDEX api_keys_by_account ON api_keys (account, id);

CREATE TABLE signing_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    secret     BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    hash       BYTEA  NOT NULL PRIMARY KEY,
    request    BYTEA  NOT NULL,
    outcome    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_ms);

CREATE TABLE audit_log (
    seq      BIGINT PRIMARY KEY,
    at_ms    BIGINT NOT NULL,
    actor    TEXT   NOT NULL,
    action   TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    detail   TEXT   NOT NULL,
    previous BYTEA  NOT NULL,
    hash     BYTEA  NOT NULL
);

CREATE TABLE document_actors (
    document BYTEA NOT NULL,
    actor    BYTEA NOT NULL,
    account  BYTEA NOT NULL,
    PRIMARY KEY (document, actor)
);
