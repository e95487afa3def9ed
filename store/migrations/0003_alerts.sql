-- What information governance leads must look into: doc is the alert, seq
-- counts the writes of all of them. Who sees it stands in alert_orgs.
CREATE TABLE alerts (
  id TEXT PRIMARY KEY, seq BIGINT NOT NULL, kind TEXT NOT NULL, at BIGINT NOT NULL, actor TEXT NOT NULL, case_id TEXT NOT NULL,
  open BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX alerts_at ON alerts (at, id);
CREATE INDEX alerts_open ON alerts (at, id) WHERE open = 1;
CREATE INDEX alerts_seq ON alerts (seq);
CREATE TABLE alert_orgs (org TEXT NOT NULL, alert TEXT NOT NULL, PRIMARY KEY (org, alert));

-- Each breaking of the glass: by whom in which role, of whose record ('' for
-- nobody's who is known), and until when.
CREATE TABLE glasses (
  id TEXT PRIMARY KEY, actor TEXT NOT NULL, role TEXT NOT NULL, org TEXT NOT NULL, case_id TEXT NOT NULL,
  broken BIGINT NOT NULL, closes BIGINT NOT NULL);
CREATE INDEX glasses_actor ON glasses (actor, broken);
