-- The first schema. One text for SQLite and PostgreSQL: TEXT, BIGINT and BYTEA
-- only; instants are microseconds since 1970 UTC, 0 for none; yes and no are 1
-- and 0. On SQLite the runner reads BIGINT PRIMARY KEY as INTEGER PRIMARY KEY,
-- so that the number is the row's own place and needs no second index.

-- The counters of everything that is numbered without gaps, and of commits.
CREATE TABLE tally (
  id BIGINT PRIMARY KEY, commits BIGINT NOT NULL, seq BIGINT NOT NULL, messages BIGINT NOT NULL,
  jobs BIGINT NOT NULL, imports BIGINT NOT NULL, audit BIGINT NOT NULL);
INSERT INTO tally VALUES (1, 0, 0, 0, 0, 0, 0);

CREATE TABLE messages (
  id BIGINT PRIMARY KEY, feed TEXT NOT NULL, control TEXT NOT NULL, digest BYTEA NOT NULL, type TEXT NOT NULL,
  raw BYTEA NOT NULL, peer TEXT NOT NULL, received BIGINT NOT NULL, reused BIGINT NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL, case_id TEXT NOT NULL);
CREATE UNIQUE INDEX messages_control ON messages (feed, control, digest);
CREATE INDEX messages_state ON messages (state, feed, id);

-- What each feed has done, kept by the writer so that no screen counts rows.
CREATE TABLE feeds (
  feed TEXT PRIMARY KEY, heard BIGINT NOT NULL, kept BIGINT NOT NULL, again BIGINT NOT NULL, reused BIGINT NOT NULL,
  new BIGINT NOT NULL, done BIGINT NOT NULL, held BIGINT NOT NULL, ignored BIGINT NOT NULL, unreadable BIGINT NOT NULL,
  minute BIGINT NOT NULL, in_minute BIGINT NOT NULL, before_minute BIGINT NOT NULL,
  hour BIGINT NOT NULL, in_hour BIGINT NOT NULL, before_hour BIGINT NOT NULL);

CREATE TABLE cases (
  id TEXT PRIMARY KEY, version BIGINT NOT NULL, person TEXT NOT NULL, joined TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX cases_person ON cases (person) WHERE person <> '';

CREATE TABLE keys (
  kind TEXT NOT NULL, value TEXT NOT NULL, case_id TEXT NOT NULL, seq BIGINT NOT NULL,
  PRIMARY KEY (kind, value, case_id));
CREATE INDEX keys_case ON keys (case_id);

CREATE TABLE history (
  seq BIGINT PRIMARY KEY, case_id TEXT NOT NULL, n BIGINT NOT NULL, recorded BIGINT NOT NULL,
  name TEXT NOT NULL, body TEXT NOT NULL, cause TEXT NOT NULL);
CREATE UNIQUE INDEX history_case ON history (case_id, n);

CREATE TABLE tracker (
  case_id TEXT PRIMARY KEY, seq BIGINT NOT NULL, listed BIGINT NOT NULL, frozen BIGINT NOT NULL, in_bed BIGINT NOT NULL, open BIGINT NOT NULL,
  hospital TEXT NOT NULL, ward TEXT NOT NULL, was_ward TEXT NOT NULL, moved_at BIGINT NOT NULL,
  from_org TEXT NOT NULL, council TEXT NOT NULL, state TEXT NOT NULL, pathway TEXT NOT NULL, worker TEXT NOT NULL,
  ready_at BIGINT NOT NULL, sent_at BIGINT NOT NULL, edd TEXT NOT NULL, name TEXT NOT NULL, place TEXT NOT NULL,
  updated BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX tracker_seq ON tracker (seq);
CREATE INDEX tracker_hospital ON tracker (hospital, ward) WHERE listed = 1;
CREATE INDEX tracker_council ON tracker (council) WHERE listed = 1;
CREATE INDEX tracker_frozen ON tracker (updated) WHERE frozen = 1;
CREATE INDEX tracker_worker ON tracker (worker) WHERE listed = 1;

CREATE TABLE lanes (
  name TEXT PRIMARY KEY, ready_at BIGINT NOT NULL, lease_until BIGINT NOT NULL, owner TEXT NOT NULL,
  fence BIGINT NOT NULL, pending BIGINT NOT NULL);
CREATE INDEX lanes_ready ON lanes (ready_at) WHERE pending > 0;
CREATE TABLE jobs (
  id BIGINT PRIMARY KEY, lane TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL UNIQUE, payload TEXT NOT NULL,
  state TEXT NOT NULL, attempts BIGINT NOT NULL, made BIGINT NOT NULL, ended BIGINT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX jobs_lane ON jobs (lane, id) WHERE state = 'ready';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';

-- hashes: the tree hashes that record n completes, leaf first, 32 bytes each.
CREATE TABLE audit (
  n BIGINT PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL, case_id TEXT NOT NULL, action TEXT NOT NULL,
  allowed BIGINT NOT NULL, salt BYTEA, doc TEXT, hashes BYTEA NOT NULL);
CREATE INDEX audit_case ON audit (case_id, n) WHERE case_id <> '';
CREATE INDEX audit_actor ON audit (actor, n);

CREATE TABLE providers (council TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (council, id));
CREATE TABLE teams (council TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (council, id));
CREATE TABLE councils (council TEXT PRIMARY KEY, as_at BIGINT NOT NULL, last_full BIGINT NOT NULL, import_id BIGINT NOT NULL);

CREATE TABLE imports (
  id BIGINT PRIMARY KEY, council TEXT NOT NULL, file TEXT NOT NULL, sum TEXT NOT NULL, kind TEXT NOT NULL,
  as_at BIGINT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, started BIGINT NOT NULL, ended BIGINT NOT NULL,
  quarantined BIGINT NOT NULL, counts TEXT NOT NULL);
CREATE INDEX imports_council ON imports (council, id);
CREATE TABLE quarantine (
  import_id BIGINT NOT NULL, n BIGINT NOT NULL, file TEXT NOT NULL, line BIGINT NOT NULL, field TEXT NOT NULL,
  mend TEXT NOT NULL, raw TEXT NOT NULL, PRIMARY KEY (import_id, n));
CREATE TABLE staged (import_id BIGINT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (import_id, person));

CREATE TABLE users (
  id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, state TEXT NOT NULL, hash TEXT NOT NULL,
  bad_tries BIGINT NOT NULL, locked_until BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE sessions (
  token BYTEA PRIMARY KEY, user_id TEXT NOT NULL, created BIGINT NOT NULL, seen BIGINT NOT NULL,
  expires BIGINT NOT NULL, address TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires);
CREATE TABLE drafts (
  user_id TEXT NOT NULL, case_id TEXT NOT NULL, form TEXT NOT NULL, version BIGINT NOT NULL, saved BIGINT NOT NULL,
  doc TEXT NOT NULL, PRIMARY KEY (user_id, case_id, form));
CREATE TABLE handles (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, expires BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX handles_expires ON handles (expires);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE views (user_id TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (user_id, name));
