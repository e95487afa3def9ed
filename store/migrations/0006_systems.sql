-- Systems that sign in by themselves (OAuth 2.0 client credentials). No secret
-- is here: of tokens and links only SHA-256, of assertions the hash of their
-- jti, and what a link brings is sealed with a key made from the link itself.
CREATE TABLE assertions (
  client TEXT NOT NULL, jti BYTEA NOT NULL, expires BIGINT NOT NULL, PRIMARY KEY (client, jti));
CREATE INDEX assertions_expires ON assertions (expires);
CREATE TABLE tokens (
  token BYTEA PRIMARY KEY, client TEXT NOT NULL, scopes TEXT NOT NULL, thumbprint TEXT NOT NULL,
  issued BIGINT NOT NULL, expires BIGINT NOT NULL);
CREATE INDEX tokens_client ON tokens (client);
CREATE INDEX tokens_expires ON tokens (expires);
CREATE TABLE launches (
  id BYTEA PRIMARY KEY, stage TEXT NOT NULL, client TEXT NOT NULL, org TEXT NOT NULL, session TEXT NOT NULL,
  expires BIGINT NOT NULL, sealed BYTEA NOT NULL);
CREATE INDEX launches_expires ON launches (expires);
