-- Who asked to be told of what happens (Subscriptions R5 Backport 1.1), and what is
-- to be told. n of an event counts from 1 without gaps for each subscription; an
-- event of somebody who was erased keeps its number and names nobody.
-- due is when something must be done for it next, 0 never; leased until when one
-- process does it.
CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY, client TEXT NOT NULL, org TEXT NOT NULL, status TEXT NOT NULL, topic TEXT NOT NULL, channel TEXT NOT NULL, case_id TEXT NOT NULL,
  since BIGINT NOT NULL, events BIGINT NOT NULL, delivered BIGINT NOT NULL, failures BIGINT NOT NULL,
  created BIGINT NOT NULL, ends BIGINT NOT NULL, sent BIGINT NOT NULL, due BIGINT NOT NULL, leased BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX subscriptions_due ON subscriptions (due) WHERE due > 0;
CREATE INDEX subscriptions_client ON subscriptions (client);
CREATE TABLE subscription_events (
  subscription TEXT NOT NULL, n BIGINT NOT NULL, at BIGINT NOT NULL, case_id TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY (subscription, n));
CREATE INDEX subscription_events_case ON subscription_events (case_id);
CREATE INDEX subscription_events_at ON subscription_events (at);

-- Up to which place in history events were looked for.
CREATE TABLE subscription_cursor (one BIGINT PRIMARY KEY, seq BIGINT NOT NULL);

-- Tokens with which a websocket is bound to subscriptions: only their SHA-256.
CREATE TABLE subscription_tokens (token BYTEA PRIMARY KEY, client TEXT NOT NULL, subscriptions TEXT NOT NULL, expires BIGINT NOT NULL);

-- Exports that were asked for (Bulk Data 2.0). What is exported is read when it is
-- fetched and is nowhere here.
CREATE TABLE exports (
  id TEXT PRIMARY KEY, client TEXT NOT NULL, org TEXT NOT NULL, at BIGINT NOT NULL, since BIGINT NOT NULL, types TEXT NOT NULL, request TEXT NOT NULL, expires BIGINT NOT NULL);
CREATE INDEX exports_client ON exports (client);
