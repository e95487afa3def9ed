-- What proves the audit log, who may see which of its rows, and what was erased
-- when its time was over.

-- The organisation of who acted, so that its information governance lead finds
-- what its staff did. The runner leaves ::json out for SQLite.
ALTER TABLE audit ADD COLUMN org TEXT NOT NULL DEFAULT '';
UPDATE audit SET org = coalesce(doc::json ->> 'org', '') WHERE doc IS NOT NULL;
CREATE INDEX audit_org ON audit (org, n) WHERE org <> '';
CREATE INDEX audit_denied ON audit (n) WHERE allowed = 0;

-- Signed checkpoints of the audit log: what was signed must stay true.
CREATE TABLE checkpoints (size BIGINT NOT NULL, signer TEXT NOT NULL, at BIGINT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (size, signer));

-- What was decided about persons, and rows in quarantine, whose time is over:
-- kept until a day, or proposed to be erased. item: a case, or import: and its number.
CREATE TABLE reviews (item TEXT PRIMARY KEY, state TEXT NOT NULL, doc TEXT NOT NULL);

-- What is left of a person who was erased. entries: lines of history that
-- lost their content. audit: the size of the audit log then; of older rows about
-- the case the content is gone.
CREATE TABLE erased (case_id TEXT PRIMARY KEY, at BIGINT NOT NULL, entries BIGINT NOT NULL, audit BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX messages_case ON messages (case_id) WHERE case_id <> '';
CREATE INDEX jobs_told ON jobs (ended) WHERE state = 'done' AND payload <> '';
