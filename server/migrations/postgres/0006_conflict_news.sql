-- The number of the last write of a conflict, across all documents. Each write takes the next one.
CREATE TABLE conflict_counter (
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);

ALTER TABLE conflicts ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conflict_people ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;

UPDATE conflicts SET sequence = numbered.sequence
    FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY opened_ms, id) AS sequence FROM conflicts) AS numbered
    WHERE numbered.id = conflicts.id;
UPDATE conflict_people SET sequence = conflicts.sequence
    FROM conflicts WHERE conflicts.id = conflict_people.conflict;
INSERT INTO conflict_counter (id, sequence) SELECT 1, COALESCE(MAX(sequence), 0) FROM conflicts;

CREATE UNIQUE INDEX conflicts_by_sequence ON conflicts (sequence);
DROP INDEX conflict_people_by_account;
CREATE INDEX conflict_people_by_account ON conflict_people (account, sequence, conflict);
