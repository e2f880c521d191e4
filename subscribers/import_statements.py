"""The statements of a bulk import, in the order in which they run. The reason for each stands above it.

Persons are inserted and updated in the order of their key, so that two imports at once wait for each other instead
of locking crosswise. `import_row` lives until the import drops it, at the latest until the connection ends.
"""

from typing import Final

from subscribers.queries import active_suppression_sql

# No primary key and no index: each statement reads the whole table, and an index would cost more than it saves.
CREATE: Final = """
CREATE TEMPORARY TABLE import_row (
    row integer NOT NULL, email text NOT NULL, address_key text NOT NULL, domain text NOT NULL,
    first_name text NOT NULL, last_name text NOT NULL, language text NOT NULL, fields jsonb NOT NULL
)"""

COPY: Final = """
COPY import_row (row, email, address_key, domain, first_name, last_name, language, fields) FROM STDIN"""

# The planner knows nothing of a temporary table otherwise and would loop over an index a million times.
ANALYZE: Final = "ANALYZE import_row"

# Streamed, because there may be half a million of them.
COPY_DUPLICATES: Final = """
COPY (
    SELECT row, first_row FROM (
        SELECT row, min(row) OVER (PARTITION BY address_key) AS first_row FROM import_row
    ) AS numbered WHERE row <> first_row ORDER BY row
) TO STDOUT"""

# The first row of a person wins; what it leaves blank comes from the next row that says something.
MERGE_DUPLICATES: Final = """
UPDATE import_row AS kept
SET first_name = merged.first_name, last_name = merged.last_name, language = merged.language, fields = merged.fields
FROM (
    SELECT min(row) AS row,
        coalesce((array_agg(first_name ORDER BY row) FILTER (WHERE first_name <> ''))[1], '') AS first_name,
        coalesce((array_agg(last_name ORDER BY row) FILTER (WHERE last_name <> ''))[1], '') AS last_name,
        coalesce((array_agg(language ORDER BY row) FILTER (WHERE language <> ''))[1], '') AS language,
        (
            SELECT coalesce(jsonb_object_agg(pair.key, pair.value ORDER BY place DESC), '{}')
            FROM unnest(array_agg(fields ORDER BY row)) WITH ORDINALITY AS one(fields, place),
                jsonb_each(one.fields) AS pair
        ) AS fields
    FROM import_row GROUP BY address_key HAVING count(*) > 1
) AS merged
WHERE kept.row = merged.row"""

DROP_DUPLICATES: Final = """
DELETE FROM import_row USING (
    SELECT address_key, min(row) AS row FROM import_row GROUP BY address_key HAVING count(*) > 1
) AS kept
WHERE import_row.address_key = kept.address_key AND import_row.row <> kept.row"""

ADD_PEOPLE: Final = """
INSERT INTO subscribers_subscriber (email, address_key, domain, first_name, last_name, language, fields)
SELECT email, address_key, domain, first_name, last_name, language, fields FROM import_row
WHERE NOT EXISTS (
    SELECT 1 FROM subscribers_subscriber AS person WHERE person.address_key = import_row.address_key
)
ORDER BY address_key
ON CONFLICT (address_key) DO NOTHING"""

CREATE_NEWLY: Final = """
CREATE TEMPORARY TABLE import_newly (subscriber_id bigint NOT NULL)"""

# Whoever has a subscription to the list, in whatever state, is left alone: an import re-subscribes nobody.
SUBSCRIBE: Final = """
WITH newly AS (
    INSERT INTO subscribers_subscription (list_id, subscriber_id, state, changed_at, changed_by)
    SELECT %(list)s, person.id, 'subscribed', %(at)s, %(by)s
    FROM import_row JOIN subscribers_subscriber AS person USING (address_key)
    ORDER BY person.id
    ON CONFLICT (list_id, subscriber_id) DO NOTHING
    RETURNING subscriber_id
)
INSERT INTO import_newly SELECT subscriber_id FROM newly"""

COUNT_NEWLY: Final = f"""
SELECT count(*), count(*) FILTER (WHERE everywhere), count(*) FILTER (WHERE somewhere AND NOT everywhere)
FROM (
    SELECT {active_suppression_sql("person.address_key")} AS everywhere,
        {active_suppression_sql("person.address_key", scope="held.scope")} AS somewhere
    FROM import_newly JOIN subscribers_subscriber AS person ON person.id = import_newly.subscriber_id
) AS newly"""  # noqa: S608

COUNT_THERE_BEFORE: Final = """
SELECT subscription.state, count(*)
FROM import_row
    JOIN subscribers_subscriber AS person USING (address_key)
    JOIN subscribers_subscription AS subscription ON subscription.subscriber_id = person.id
WHERE subscription.list_id = %(list)s
    AND NOT EXISTS (SELECT 1 FROM import_newly WHERE import_newly.subscriber_id = person.id)
GROUP BY subscription.state"""

RECORD_CONSENT: Final = """
INSERT INTO subscribers_consentrecord (subscriber_id, list_id, kind, text, source, at, legacy)
SELECT subscriber_id, %(list)s, 'imported', %(text)s, %(source)s, %(at)s, %(legacy)s FROM import_newly"""

# Only where there is something to fill: an update of every row would write the whole table anew.
# Last, because it holds these persons' rows, and somebody who leaves meanwhile must wait for that.
FILL_BLANKS: Final = """
WITH filled AS (
    SELECT person.id, import_row.first_name, import_row.last_name, import_row.language, import_row.fields
    FROM import_row JOIN subscribers_subscriber AS person USING (address_key)
    WHERE (person.first_name = '' AND import_row.first_name <> '')
        OR (person.last_name = '' AND import_row.last_name <> '')
        OR (person.language = '' AND import_row.language <> '')
        OR (import_row.fields || person.fields) <> person.fields
    ORDER BY person.id FOR NO KEY UPDATE OF person
)
UPDATE subscribers_subscriber AS person
SET first_name = CASE person.first_name WHEN '' THEN filled.first_name ELSE person.first_name END,
    last_name = CASE person.last_name WHEN '' THEN filled.last_name ELSE person.last_name END,
    language = CASE person.language WHEN '' THEN filled.language ELSE person.language END,
    fields = filled.fields || person.fields
FROM filled WHERE filled.id = person.id"""

# An expiring suppression does not count: the file says for good.
SUPPRESS: Final = """
INSERT INTO subscribers_suppression (address_key, reason, scope, source, by, note, created_at)
SELECT address_key, %(reason)s, 'all', %(source)s, %(by)s, %(note)s, %(at)s FROM import_row
WHERE NOT EXISTS (
    SELECT 1 FROM subscribers_suppression AS held
    WHERE held.address_key = import_row.address_key AND held.scope = 'all' AND held.lifts_id IS NULL
        AND held.expires_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM subscribers_suppression AS lifted WHERE lifted.lifts_id = held.id)
)
ORDER BY address_key"""

DROP: Final = "DROP TABLE IF EXISTS import_row, import_newly"

# After the commit. Autovacuum may have passed in the middle, seen none of the rows and noted the tables as empty; until
# it looks again, a minute later, a freeze would loop over the whole list for each person instead of hashing it.
ANALYZE_PEOPLE: Final = "ANALYZE subscribers_subscriber, subscribers_subscription"

ANALYZE_SUPPRESSIONS: Final = "ANALYZE subscribers_suppression"
