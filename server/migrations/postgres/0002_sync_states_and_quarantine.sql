CREATE TABLE sync_states (
    storage_id TEXT   NOT NULL,
    document   BYTEA  NOT NULL,
    heads      BYTEA  NOT NULL,
    checksum   BYTEA  NOT NULL,
    seen_ms    BIGINT NOT NULL,
    PRIMARY KEY (storage_id, document)
);

CREATE INDEX sync_states_by_document ON sync_states (document);

CREATE TABLE quarantine (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document    BYTEA  NOT NULL,
    hash        BYTEA,
    bytes       BYTEA  NOT NULL,
    checksum    BYTEA  NOT NULL,
    reason      TEXT   NOT NULL,
    received_ms BIGINT NOT NULL,
    UNIQUE (document, checksum)
);
