-- What is worked on beside cases: small documents, with the columns that lists
-- need. kind, org and id name one; version counts its savings.
CREATE TABLE records (
  kind TEXT NOT NULL, org TEXT NOT NULL, id TEXT NOT NULL, case_id TEXT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL,
  at BIGINT NOT NULL, due BIGINT NOT NULL, version BIGINT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (kind, org, id));
CREATE INDEX records_owner ON records (kind, owner, state, at);
CREATE INDEX records_state ON records (kind, org, state, due);
CREATE INDEX records_case ON records (case_id) WHERE case_id <> '';

-- What cases hold that lists ask for across them: derived from the case in the
-- transaction that changes it.
CREATE TABLE threads (
  case_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, org TEXT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL,
  at BIGINT NOT NULL, due BIGINT NOT NULL, PRIMARY KEY (case_id, kind, id, org, owner));
CREATE INDEX threads_owner ON threads (kind, owner, state, due);
CREATE INDEX threads_org ON threads (kind, org, state, due);

-- Attachments, by the SHA-256 of their bytes; each belongs to a case.
CREATE TABLE files (
  id TEXT NOT NULL, case_id TEXT NOT NULL, state TEXT NOT NULL, at BIGINT NOT NULL, size BIGINT NOT NULL, content BYTEA NOT NULL,
  PRIMARY KEY (case_id, id));
CREATE INDEX files_state ON files (state, at) WHERE state <> 'clean';
