-- Sharing agreements, one row a version. seq counts the writes of all of them:
-- its highest tells whether anything was written since somebody looked.
CREATE TABLE agreements (
  id TEXT NOT NULL, version BIGINT NOT NULL, status TEXT NOT NULL, seq BIGINT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (id, version));
CREATE INDEX agreements_seq ON agreements (seq);
