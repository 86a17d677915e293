CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    id               BLOB    NOT NULL PRIMARY KEY,
    created_ms       INTEGER NOT NULL,
    updated_ms       INTEGER NOT NULL,
    deleted_ms       INTEGER,
    heads            BLOB    NOT NULL,
    through          INTEGER NOT NULL,
    snapshot_through INTEGER NOT NULL,
    bytes            INTEGER NOT NULL,
    checksum         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- With a rowid, although clustering by document would read better: appends of many documents then share the last
-- pages, and 512 callers append twice as many changes a second. No foreign key: a change whose document row was
-- lost to damage must stay readable.
CREATE TABLE changes (
    document    BLOB    NOT NULL,
    sequence    INTEGER NOT NULL,
    hash        BLOB    NOT NULL,
    bytes       BLOB    NOT NULL,
    checksum    BLOB    NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (document, sequence)
) STRICT;

CREATE TABLE snapshots (
    document BLOB    NOT NULL PRIMARY KEY,
    through  INTEGER NOT NULL,
    bytes    BLOB    NOT NULL,
    checksum BLOB    NOT NULL
) STRICT;
