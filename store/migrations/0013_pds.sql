-- What the Personal Demographics Service last said of a person, with its age.
CREATE TABLE pds_answers (case_id TEXT PRIMARY KEY, asked BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX pds_answers_asked ON pds_answers (asked);
