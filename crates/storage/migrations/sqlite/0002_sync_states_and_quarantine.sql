CREATE TABLE sync_states (
    storage_id TEXT    NOT NULL,
    document   BLOB    NOT NULL,
    heads      BLOB    NOT NULL,
    checksum   BLOB    NOT NULL,
    seen_ms    INTEGER NOT NULL,
    PRIMARY KEY (storage_id, document)
) STRICT, WITHOUT ROWID;

CREATE INDEX sync_states_by_document ON sync_states (document);

CREATE TABLE quarantine (
    id          INTEGER PRIMARY KEY,
    document    BLOB    NOT NULL,
    hash        BLOB,
    bytes       BLOB    NOT NULL,
    checksum    BLOB    NOT NULL,
    reason      TEXT    NOT NULL,
    received_ms INTEGER NOT NULL,
    UNIQUE (document, checksum)
) STRICT;
