-- The document in which an account finds what concerns it, and up to which write of a conflict it says so.
CREATE TABLE inboxes (
    account  BLOB    NOT NULL PRIMARY KEY,
    document BLOB    NOT NULL,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
