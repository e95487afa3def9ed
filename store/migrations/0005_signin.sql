-- What accounts have besides their password. lookup is what one is found by
-- among all of its kind: the credential id of a passkey, the hash of a recovery
-- code, the account of an app for codes.
CREATE TABLE credentials (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, kind TEXT NOT NULL, lookup BYTEA NOT NULL, name TEXT NOT NULL,
  counter BIGINT NOT NULL, made BIGINT NOT NULL, used BIGINT NOT NULL, secret BYTEA NOT NULL);
CREATE UNIQUE INDEX credentials_lookup ON credentials (kind, lookup);
CREATE INDEX credentials_user ON credentials (user_id);
-- What was begun and waits for its one answer, for minutes.
CREATE TABLE challenges (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, user_id TEXT NOT NULL, expires BIGINT NOT NULL, doc BYTEA NOT NULL);
CREATE INDEX challenges_expires ON challenges (expires);
