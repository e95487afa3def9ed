-- What measures count (package measure). Points are derived from the history of
-- cases by a follower of it. known is when it became so, until when it was so no longer
-- (0: it still is): what was known at any time can be asked for. day is the local day on
-- which a point counts, as days since 1970; 0 while its clock runs. person is a
-- pseudonym of the case, made with a key. A point of an erased case has no case.
CREATE TABLE points (
  source TEXT NOT NULL, case_id TEXT NOT NULL, subject TEXT NOT NULL, known BIGINT NOT NULL, until BIGINT NOT NULL,
  person TEXT NOT NULL, hospital TEXT NOT NULL, ward TEXT NOT NULL, council TEXT NOT NULL, team TEXT NOT NULL,
  pathway TEXT NOT NULL, provider TEXT NOT NULL, age TEXT NOT NULL, stage TEXT NOT NULL, holder TEXT NOT NULL,
  reason TEXT NOT NULL, feed TEXT NOT NULL,
  began BIGINT NOT NULL, ended BIGINT NOT NULL, since BIGINT NOT NULL, day BIGINT NOT NULL,
  value BIGINT NOT NULL, left_out TEXT NOT NULL, assumed TEXT NOT NULL,
  PRIMARY KEY (case_id, source, subject, known));
CREATE INDEX points_day ON points (source, day);
CREATE INDEX points_open ON points (source, hospital) WHERE until = 0 AND ended = 0;

-- The counts of the points that have stopped, by step, in each cut. start is the first
-- day of the step, as days since 1970.
CREATE TABLE cells (
  source TEXT NOT NULL, cut TEXT NOT NULL, every TEXT NOT NULL, start BIGINT NOT NULL, major TEXT NOT NULL, minor TEXT NOT NULL,
  body BYTEA NOT NULL, PRIMARY KEY (source, cut, every, start, major, minor));
CREATE INDEX cells_group ON cells (source, cut, every, major, start) WHERE major <> '';
