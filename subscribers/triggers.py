"""What makes suppressions and consent records append-only, whoever writes: a trigger in the database."""

from typing import Final

_TABLES: Final = ("subscribers_suppression", "subscribers_consentrecord")

# TRUNCATE stays possible: only the owner of a table has it, and test databases are emptied by it.
_FUNCTION: Final = """
CREATE FUNCTION subscribers_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'A suppression is ended by a new row that lifts it; evidence of consent is never changed.';
END $$;
"""

FORWARD: Final = _FUNCTION + "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
    f"FOR EACH ROW EXECUTE FUNCTION subscribers_append_only();\n"
    for table in _TABLES
)
REVERSE: Final = (
    "".join(f"DROP TRIGGER append_only ON {table};\n" for table in _TABLES)
    + "DROP FUNCTION subscribers_append_only();\n"
)
