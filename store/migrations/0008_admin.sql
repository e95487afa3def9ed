-- What administrators set in place of the configuration's phone numbers of an
-- organisation, or of the directory's of a team (team '': the organisation
-- itself). Rows are only added: the history is the undo.
CREATE TABLE overrides (
  org TEXT NOT NULL, team TEXT NOT NULL, n BIGINT NOT NULL, seq BIGINT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (org, team, n));
CREATE UNIQUE INDEX overrides_seq ON overrides (seq);
