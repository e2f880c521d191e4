"""Gets a command ready to work: embedded services when none are configured, Django, and a database at our version."""

import logging
import os
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import Final

import django
from django.core.exceptions import ImproperlyConfigured

from pipeline.errors import PressrunError

logger = logging.getLogger(__name__)
KEEP_SECONDS: Final = 5.0


class NotMigratedError(PressrunError):
    """The configured database is not at this version."""


def prepare(*, migrate: bool | None = None) -> None:
    """Attach or configure services, set Django up and see to migrations.

    Embedded databases are migrated here, under a lock; configured ones only by `pressrun migrate`, and anything
    else refuses with the sentence to run. `migrate=False` leaves the database alone altogether.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pipeline.settings")
    embedded = _services()
    django.setup()
    if migrate is False:
        return
    from pipeline.schema import is_current, migrate_under_lock

    if embedded or migrate:
        migrate_under_lock()
    elif not is_current():
        raise NotMigratedError(
            "The database is not at this version. Nothing was changed. Run `pressrun migrate` first."
        )


def keep_services() -> None:
    """For commands that run for long: bring the embedded services back should their keeper be killed.

    Call it after `prepare`. The addresses stay the same, so connections that broke are simply made anew.
    """
    if os.environ.get("PRESSRUN_EMBEDDED") == "1":
        home = Path(os.environ["PRESSRUN_HOME"])
        threading.Thread(target=_keep, args=(home,), name="keep-services", daemon=True).start()


def _keep(home: Path) -> None:
    from pipeline.embedded import EmbeddedError, attach

    while True:
        time.sleep(KEEP_SECONDS)
        try:
            attach(home)
        except EmbeddedError as error:
            logger.warning("the embedded services are away, another try follows: %s", error)


def _services() -> bool:
    """Whether the database is the embedded one. Exports what settings.py reads, for this process and its children."""
    own_database = not os.environ.get("PRESSRUN_DATABASE_URL") or os.environ.get("PRESSRUN_EMBEDDED") == "1"
    own_broker = not os.environ.get("PRESSRUN_BROKER_URL") or os.environ.get("PRESSRUN_EMBEDDED") == "1"
    home = Path(os.environ.get("PRESSRUN_HOME", "") or "./var").absolute()
    if own_database or own_broker:
        from pipeline.embedded import attach

        endpoints = attach(home)
        if own_database:
            os.environ["PRESSRUN_DATABASE_URL"] = endpoints.database_url
        if own_broker:
            os.environ["PRESSRUN_BROKER_URL"] = endpoints.broker_url
        if own_database and own_broker:
            os.environ["PRESSRUN_EMBEDDED"] = "1"
        os.environ["PRESSRUN_HOME"] = str(home)
    if not (os.environ.get("PRESSRUN_SECRET_KEY") or os.environ.get("PRESSRUN_SECRET_KEY_FILE")):
        if not own_database:
            raise ImproperlyConfigured(
                "PRESSRUN_SECRET_KEY or PRESSRUN_SECRET_KEY_FILE must be set beside PRESSRUN_DATABASE_URL: "
                "a random text of 32 characters or more, the same for every process."
            )
        os.environ["PRESSRUN_SECRET_KEY_FILE"] = str(_secret_key(home / "secret_key"))
    return own_database


def _secret_key(path: Path) -> Path:
    """Write the key once; the first of several processes wins."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path


def is_terminal() -> bool:
    """Whether a person watches: progress bars are for them only."""
    return sys.stderr.isatty()
