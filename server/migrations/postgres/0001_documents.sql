CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE documents (
    id               BYTEA  NOT NULL PRIMARY KEY,
    created_ms       BIGINT NOT NULL,
    updated_ms       BIGINT NOT NULL,
    deleted_ms       BIGINT,
    heads            BYTEA  NOT NULL,
    through          BIGINT NOT NULL,
    snapshot_through BIGINT NOT NULL,
    bytes            BIGINT NOT NULL,
    checksum         BYTEA  NOT NULL
) WITH (fillfactor = 80);

-- No foreign key: a change whose document row was lost to damage must stay readable.
CREATE TABLE changes (
    document    BYTEA  NOT NULL,
    sequence    BIGINT NOT NULL,
    hash        BYTEA  NOT NULL,
    bytes       BYTEA  NOT NULL,
    checksum    BYTEA  NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (document, sequence)
);

CREATE TABLE snapshots (
    document BYTEA  NOT NULL PRIMARY KEY,
    through  BIGINT NOT NULL,
    bytes    BYTEA  NOT NULL,
    checksum BYTEA  NOT NULL
);

-- Changes and snapshots are compressed by their own format: trying again costs time and gains nothing.
ALTER TABLE changes ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE snapshots ALTER COLUMN bytes SET STORAGE EXTERNAL;
