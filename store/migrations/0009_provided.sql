-- The name that an identity provider has for a session, so that it can end it
-- (OpenID Connect Back-Channel Logout 1.0, 2.7); '' when it gave none.
ALTER TABLE sessions ADD COLUMN sid TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_sid ON sessions (sid) WHERE sid <> '';
