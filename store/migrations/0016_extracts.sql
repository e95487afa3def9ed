-- What analysts read (docs/analysts.md; the words of the columns stand in
-- store/extracts.go): points as they are known now, under pseudonyms, without the names
-- of cases and of what in them is counted. day_text is worked out by whole numbers, as
-- both databases have them: days since 1970 to year, month and day of the Gregorian
-- calendar (ISO 8601), by eras of 146097 days that begin on 1 March.
CREATE VIEW analyst_points AS
SELECT source, person, hospital, ward, council, team, pathway, provider, age, stage, holder, reason, feed,
  began, ended, minutes, day,
  CASE WHEN day IS NULL THEN NULL ELSE CAST(year + CASE WHEN month <= 2 THEN 1 ELSE 0 END AS TEXT) || '-' || substr(CAST(100 + month AS TEXT), 2, 2) || '-' || substr(CAST(100 + dom AS TEXT), 2, 2) END AS day_text,
  value, left_out, assumed, known
FROM (SELECT e.*, doy - (153 * mp + 2) / 5 + 1 AS dom, CASE WHEN mp < 10 THEN mp + 3 ELSE mp - 9 END AS month
 FROM (SELECT d.*, (5 * doy + 2) / 153 AS mp
  FROM (SELECT c.*, yoe + era * 400 AS year, doe - (365 * yoe + yoe / 4 - yoe / 100) AS doy
   FROM (SELECT b.*, (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365 AS yoe
    FROM (SELECT a.*, z - era * 146097 AS doe
     FROM (SELECT source, person, hospital, ward, council, team, pathway, provider, age, stage, holder, reason, feed,
       began, NULLIF(ended, 0) AS ended, (NULLIF(ended, 0) - began) / 60000000 AS minutes, CASE WHEN ended = 0 THEN NULL ELSE day END AS day,
       value, left_out, assumed, known, day + 719468 AS z, (day + 719468) / 146097 AS era
      FROM points WHERE until = 0) AS a) AS b) AS c) AS d) AS e) AS f;

CREATE VIEW analyst_stays AS
SELECT person, hospital, ward, council, team, pathway, provider, age, began, ended, day, day_text, value AS delay_days, left_out, assumed, known
FROM analyst_points WHERE source = 'stay';

CREATE VIEW analyst_census AS
SELECT person, hospital, ward, council, team, pathway, provider, age, began, ended, minutes, day, day_text, known
FROM analyst_points WHERE source = 'not-meeting';

CREATE VIEW analyst_waits AS
SELECT source, person, hospital, ward, council, team, pathway, provider, age, stage, holder, reason, began, ended, minutes, day, day_text, left_out, assumed, known
FROM analyst_points WHERE source LIKE 'to-%' OR source LIKE 'ready-to-%';

-- What was known at each time: the rows whose known is not after it, and whose until
-- is nothing or after it.
CREATE VIEW analyst_known AS
SELECT source, person, hospital, ward, council, team, pathway, provider, age, stage, holder, reason, feed, began, NULLIF(ended, 0) AS ended,
  CASE WHEN ended = 0 THEN NULL ELSE day END AS day, value, left_out, assumed, known, NULLIF(until, 0) AS until
FROM points;
