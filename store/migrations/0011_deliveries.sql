-- What is told to other systems. A destination's row is written by whichever
-- process tells it; heard_from is the place in history after which it is told.
CREATE TABLE destinations (
  name TEXT PRIMARY KEY, heard_from BIGINT NOT NULL, paused BIGINT NOT NULL, paused_by TEXT NOT NULL, paused_why TEXT NOT NULL,
  failures BIGINT NOT NULL, not_before BIGINT NOT NULL, last_ok BIGINT NOT NULL, last_try BIGINT NOT NULL, trouble TEXT NOT NULL);

-- One row for each job of a destination: what was sent, byte for byte, and what
-- became of it.
CREATE TABLE deliveries (
  job BIGINT PRIMARY KEY, destination TEXT NOT NULL, case_id TEXT NOT NULL, referral TEXT NOT NULL, kind TEXT NOT NULL,
  what TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, message BYTEA, made BIGINT NOT NULL, ended BIGINT NOT NULL,
  status BIGINT NOT NULL, reference TEXT NOT NULL, detail TEXT NOT NULL, warned BIGINT NOT NULL,
  track TEXT NOT NULL, track_at BIGINT NOT NULL, track_until BIGINT NOT NULL);
CREATE INDEX deliveries_destination ON deliveries (destination, job);
CREATE INDEX deliveries_case ON deliveries (case_id);
CREATE INDEX deliveries_state ON deliveries (destination, state, job) WHERE state NOT IN ('sent', 'received', 'told with another', 'not told');
CREATE INDEX deliveries_track ON deliveries (destination, track_at) WHERE track <> '';

-- The lanes of a destination, and whether a person must look at what stands first
-- in one.
ALTER TABLE lanes ADD COLUMN destination TEXT NOT NULL DEFAULT '';
ALTER TABLE lanes ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
CREATE INDEX lanes_due ON lanes (destination, ready_at) WHERE pending > 0;
