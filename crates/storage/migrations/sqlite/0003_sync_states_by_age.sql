-- The latest peers of one document, and the entries that nobody has renewed.
DROP INDEX sync_states_by_document;
CREATE INDEX sync_states_by_document_and_age ON sync_states (document, seen_ms);
CREATE INDEX sync_states_by_age ON sync_states (seen_ms);
