-- What FHIR faces search and give back. A resource is named by its case, type and
-- id; part is a part of it that not everybody sees ('' for the rest), with when
-- that last changed.
CREATE TABLE resources (
  case_id TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, part TEXT NOT NULL, status TEXT NOT NULL, updated BIGINT NOT NULL,
  PRIMARY KEY (case_id, type, id, part));
CREATE INDEX resources_updated ON resources (updated);
CREATE INDEX resources_status ON resources (type, status, case_id) WHERE part = '';

-- The organisations that have a part in a case: nobody else finds it by searching.
CREATE TABLE parties (
  org TEXT NOT NULL, case_id TEXT NOT NULL, PRIMARY KEY (org, case_id));
CREATE INDEX parties_case ON parties (case_id);

-- Cases that are not in the tables above yet, nor found by their visits and
-- referrals: those that were there when this migration ran.
CREATE TABLE unindexed (case_id TEXT PRIMARY KEY);
INSERT INTO unindexed (case_id) SELECT id FROM cases;

-- Resources as they came, so that what we do not know of them goes out again. Of each
-- organisation its own: two that send the same person lose nothing to each other.
CREATE TABLE kept_resources (
  type TEXT NOT NULL, id TEXT NOT NULL, case_id TEXT NOT NULL, org TEXT NOT NULL, version BIGINT NOT NULL, at BIGINT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (type, id, org));
CREATE INDEX kept_resources_case ON kept_resources (case_id);

-- What came of what a system sent under a name of its own, so that a repeat is
-- known. name is a hash of that name.
CREATE TABLE taken (
  feed TEXT NOT NULL, name TEXT NOT NULL, digest BYTEA NOT NULL, message BIGINT NOT NULL, at BIGINT NOT NULL, case_id TEXT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (feed, name));
CREATE INDEX taken_case ON taken (case_id);
CREATE INDEX taken_at ON taken (at);
