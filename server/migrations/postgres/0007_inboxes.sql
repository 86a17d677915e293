-- The document in which an account finds what concerns it, and up to which write of a conflict it says so.
CREATE TABLE inboxes (
    account  BYTEA  NOT NULL PRIMARY KEY,
    document BYTEA  NOT NULL,
    sequence BIGINT NOT NULL
);
