-- What measures count (package measure). Points are derived from the history of
-- cases by a follower of it. known is when it became so, until when it was so no longer
-- (0: it still is): what was known at any time can be asked for. day is the local day on
-- which a point counts, as days since 1970; 0 while its clock runs. person is a
-- pseudonym of the case, made with a key. A point of an erased case has a case and a
-- person that are random names. gen is the generation of counting: when all is counted
-- anew, that is a new generation beside the one that is shown, until it is whole. 0 are the
-- points that do not come from history.
CREATE TABLE counted (
  gen BIGINT NOT NULL,
  source TEXT NOT NULL, case_id TEXT NOT NULL, subject TEXT NOT NULL, known BIGINT NOT NULL, until BIGINT NOT NULL,
  person TEXT NOT NULL, hospital TEXT NOT NULL, ward TEXT NOT NULL, council TEXT NOT NULL, team TEXT NOT NULL,
  pathway TEXT NOT NULL, provider TEXT NOT NULL, age TEXT NOT NULL, stage TEXT NOT NULL, holder TEXT NOT NULL,
  reason TEXT NOT NULL, feed TEXT NOT NULL,
  began BIGINT NOT NULL, ended BIGINT NOT NULL, since BIGINT NOT NULL, day BIGINT NOT NULL,
  value BIGINT NOT NULL, left_out TEXT NOT NULL, assumed TEXT NOT NULL,
  PRIMARY KEY (gen, case_id, source, subject, known));
CREATE INDEX counted_case ON counted (case_id);
CREATE INDEX counted_day ON counted (gen, source, day);
CREATE INDEX counted_open ON counted (gen, source, hospital, ward, council, team, pathway, provider, age, stage, holder, reason, feed, began, since, left_out, assumed)
  WHERE until = 0 AND ended = 0;
-- What was known more than a day after the day on which it counts, and what stopped
-- being so after it had stopped: by these the past is restated.
CREATE INDEX counted_late ON counted (gen, source, day) WHERE until = 0 AND day <> 0 AND known > (day + 2) * 86400000000;
CREATE INDEX counted_undone ON counted (gen, source, day, until) WHERE until <> 0 AND day <> 0;

-- The points that are shown.
CREATE VIEW points AS SELECT source, case_id, subject, known, until, person, hospital, ward, council, team, pathway, provider, age, stage, holder, reason, feed,
  began, ended, since, day, value, left_out, assumed
  FROM counted WHERE gen IN (0, coalesce((SELECT CAST(value AS BIGINT) FROM settings WHERE name = 'measures-generation'), 1));

-- The counts of the points that have stopped, in each cut. A row has those of some
-- steps that follow one another: block says which.
CREATE TABLE cells (
  gen BIGINT NOT NULL, source TEXT NOT NULL, cut TEXT NOT NULL, every TEXT NOT NULL, block BIGINT NOT NULL, major TEXT NOT NULL, minor TEXT NOT NULL,
  body BYTEA NOT NULL, PRIMARY KEY (gen, source, cut, every, block, major, minor));
CREATE INDEX cells_group ON cells (gen, source, cut, every, major, block) WHERE major <> '';
