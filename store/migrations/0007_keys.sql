-- Encryption at rest: the data keys, each wrapped by a key that is never in the
-- database (docs/design/keys.md). kind: seal or index; state: active, old
-- or spent, since when; kek: which key wraps it. tally.keys counts the changes of this table, so that
-- every process sees one before it next writes.
CREATE TABLE data_keys (
  id BIGINT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, kek TEXT NOT NULL, wrapped BYTEA NOT NULL, since BIGINT NOT NULL);
ALTER TABLE tally ADD COLUMN keys BIGINT NOT NULL DEFAULT 0;
