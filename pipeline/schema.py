"""The database's version against the code's."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from pipeline.errors import PressrunError

MIGRATION_LOCK = 0x5052_4553_5301  # any constant; one migrator at a time


class DatabaseUnreachableError(PressrunError):
    """The configured database does not answer."""


def is_current() -> bool:
    """Whether every migration of this version is applied. Raises DatabaseUnreachableError."""
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError as error:
        raise DatabaseUnreachableError(
            f"PRESSRUN_DATABASE_URL: the database does not answer ({str(error).strip()}). Nothing was changed."
        ) from error


def migrate_under_lock() -> None:
    """Apply what is missing, one process at a time; the others wait and find nothing left to do."""
    if is_current():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            call_command("migrate", interactive=False, verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
