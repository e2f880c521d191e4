"""Bulk import: a CSV file into a list, or into the suppressions. COPY into a temporary table, then whole sets.

One transaction per file: a file that cannot be used changes nothing; a row that cannot be used is told and left out.
An import adds and fills blanks. It never overwrites what is known of a person, never changes a subscription that
is there (who left, paused or was erased stays so), and never lifts a suppression.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import SEEK_END
from typing import Any, BinaryIO, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from subscribers import import_statements as sql
from subscribers.csvfile import Person, RowError, read_people
from subscribers.models import List, SubscriptionState, SuppressionReason

LEGACY_PREFIX: Final = "legacy:"
NO_CONSENT_STATED: Final = "Where the consent comes from was not stated."
KEPT_FOR_SUMMARY: Final = 100
_PROGRESS_EVERY: Final = 5_000
_ANALYSE_FROM: Final = 1_000  # people; of fewer the planner need not know at once


class ImportRefusedError(Exception):
    """The import cannot be done as asked. Nothing was changed; `str()` says what to do."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an import comes from, for the records."""

    source: str
    """The file, in words."""
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on while an import runs."""

    progress: Callable[[int, int], None] = lambda _read, _total: None
    """Called now and then with the bytes read and the bytes of the file."""
    row: Callable[[RowError], None] = lambda _row: None
    """Called with every row that is left out or merged."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What became of the file's rows: `rows == used + merged + bad`."""

    rows: int
    used: int
    """Rows that stand for a person of their own."""
    merged: int
    """Rows for a person who has an earlier row. What that one lacks was taken from them."""
    bad: int
    errors: tuple[RowError, ...]
    """The first hundred of the bad rows."""
    merges: tuple[RowError, ...]
    """The first hundred of the merged rows, each told with the row it went into."""


@dataclass(frozen=True, slots=True)
class ListImport(Rows):
    """`used == added + suppressed + already + sum(kept.values())`."""

    list: str
    created: bool
    """Whether the list was made."""
    legacy: bool
    """Whether the consent records are marked as without evidence of their own."""
    dry_run: bool
    added: int
    """Newly on the list, and reachable."""
    suppressed: int
    """Newly on the list, and getting nothing: the address is suppressed everywhere."""
    partly_suppressed: int
    """Of `added`: those who left a newsletter and get nothing of that one."""
    already: int
    """Subscribed before."""
    kept: dict[str, int]
    """On the list before but not subscribed, by state. They stay as they are."""
    new_people: int
    """Of all: those nobody knew before."""
    filled: int
    """Of all: those known before, for whom the file filled something blank."""


@dataclass(frozen=True, slots=True)
class SuppressionImport(Rows):
    """`used == added + already`."""

    reason: str
    dry_run: bool
    added: int
    already: int
    """Suppressed everywhere and for good before."""


@dataclass(slots=True)
class _Tally:
    """Counts rows on their way into the database."""

    watch: Watch
    rows: int = 0
    bad: int = 0
    merged: int = 0
    errors: list[RowError] = field(default_factory=list)
    merges: list[RowError] = field(default_factory=list)

    def good_rows(self, found: Iterable[Person | RowError]) -> Iterator[Person]:
        for row in found:
            self.rows += 1
            if isinstance(row, Person):
                yield row
            else:
                self.bad += 1
                self._tell(row, self.errors)

    def merge(self, row: int, into: int) -> None:
        self.merged += 1
        self._tell(RowError(row, "email", f"The same person as row {into}: merged with it."), self.merges)

    def _tell(self, row: RowError, kept: list[RowError]) -> None:
        if len(kept) < KEPT_FOR_SUMMARY:
            kept.append(row)
        self.watch.row(row)

    def result(self, used: int) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "used": used,
            "merged": self.merged,
            "bad": self.bad,
            "errors": tuple(self.errors),
            "merges": tuple(self.merges),
        }


def import_people(
    stream: BinaryIO,
    *,
    list_slug: str,
    origin: Origin,
    create: bool = False,
    consent: str = "",
    dry_run: bool = False,
    watch: Watch | None = None,
) -> ListImport:
    """Put the people of a CSV file on a list, as `subscribed`, with a consent record for those newly on it.

    `consent` says where the consent comes from; with nothing stated, or when it begins with `legacy:`, the records
    are marked as taken over without evidence of their own. `create` makes a missing list (private, single opt-in).
    `dry_run` does everything, counts, and takes it back.

    Raises:
        ImportRefusedError: there is no such list, or the slug cannot be one.
        CsvFileError: the file as a whole cannot be used.

    """
    tally = _Tally(watch or Watch())
    with transaction.atomic(), connection.cursor() as cursor:
        target, created = _target(list_slug, create=create)
        used = _load(cursor, stream, tally)
        counts = {
            "new_people": _changed(cursor, sql.ADD_PEOPLE),
            **_subscribe(cursor, target, origin),
            **_record_consent(cursor, target, origin, consent=consent.strip()),
            "filled": _changed(cursor, sql.FILL_BLANKS),
        }
        cursor.execute(sql.DROP)
        transaction.set_rollback(dry_run)
    _analyse(sql.ANALYZE_PEOPLE, 0 if dry_run else used)
    return ListImport(list=list_slug, created=created, dry_run=dry_run, **counts, **tally.result(used))


def import_suppressions(
    stream: BinaryIO, *, reason: str, origin: Origin, dry_run: bool = False, watch: Watch | None = None
) -> SuppressionImport:
    """Suppress every address of a CSV file everywhere and for good; those that are so already get no second row.

    `reason` is one of SuppressionReason, or words of the importer's own: then the reason is `imported` and the
    words are the note. A `status` column is not looked at.

    Raises:
        CsvFileError: the file as a whole cannot be used.

    """
    tally = _Tally(watch or Watch())
    known = reason in SuppressionReason.values
    values: dict[str, Any] = {
        "reason": reason if known else SuppressionReason.IMPORTED.value,
        "note": "" if known else reason,
        "source": origin.source,
        "by": origin.by,
        "at": origin.at,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        used = _load(cursor, stream, tally, whatever_status=True)
        added = _changed(cursor, sql.SUPPRESS, values)
        cursor.execute(sql.DROP)
        transaction.set_rollback(dry_run)
    _analyse(sql.ANALYZE_SUPPRESSIONS, 0 if dry_run else added)
    return SuppressionImport(
        reason=str(values["reason"]), dry_run=dry_run, added=added, already=used - added, **tally.result(used)
    )


def _target(slug: str, *, create: bool) -> tuple[List, bool]:
    found = List.objects.filter(slug=slug).first()
    if found:
        return found, False
    if not create:
        others = ", ".join(List.objects.order_by("slug").values_list("slug", flat=True)[:10]) or "none"
        raise ImportRefusedError(
            f"There is no list {slug!r} (there are: {others}). Nothing was imported. Add --create to make it."
        )
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise ImportRefusedError(
            f"{slug!r} cannot be a list's short name: only letters, digits, - and _. Nothing was imported."
        ) from error
    return List.objects.create(slug=slug, name=slug, visibility=List.Visibility.PRIVATE, opt_in=List.OptIn.SINGLE), True


def _load(cursor: CursorWrapper, stream: BinaryIO, tally: _Tally, *, whatever_status: bool = False) -> int:
    """Copy the good rows into the temporary table and merge those of one person. Gives the number of persons."""
    cursor.execute(sql.CREATE)
    found = _watched(stream, tally.watch, whatever_status=whatever_status)
    with cursor.copy(sql.COPY) as copy:
        for person in tally.good_rows(found):
            copy.write_row(_columns(person))
    cursor.execute(sql.ANALYZE)
    with cursor.copy(sql.COPY_DUPLICATES) as duplicates:
        for row, into in duplicates.rows():
            tally.merge(int(row), int(into))
    if tally.merged:
        cursor.execute(sql.MERGE_DUPLICATES)
        cursor.execute(sql.DROP_DUPLICATES)
    return tally.rows - tally.bad - tally.merged


def _watched(stream: BinaryIO, watch: Watch, *, whatever_status: bool) -> Iterator[Person | RowError]:
    """The file's rows, with a word to the watcher every few thousand and at the end."""
    total = stream.seek(0, SEEK_END)
    for count, row in enumerate(read_people(stream, whatever_status=whatever_status)):
        if count % _PROGRESS_EVERY == 0:
            watch.progress(stream.tell(), total)
        yield row
    watch.progress(total, total)


def _columns(person: Person) -> tuple[object, ...]:
    address = person.address
    return (
        person.row,
        address.email,
        address.key,
        address.domain,
        person.first_name,
        person.last_name,
        person.language,
        json.dumps(person.fields, ensure_ascii=False) if person.fields else "{}",
    )


def _subscribe(cursor: CursorWrapper, target: List, origin: Origin) -> dict[str, Any]:
    """Put on the list who is not on it, and count everybody by what they are on it now."""
    cursor.execute(sql.CREATE_NEWLY)
    cursor.execute(sql.SUBSCRIBE, {"list": target.id, "by": origin.by, "at": origin.at})
    cursor.execute(sql.COUNT_NEWLY)
    newly, suppressed, partly = cursor.fetchone()
    cursor.execute(sql.COUNT_THERE_BEFORE, {"list": target.id})
    kept = {str(state): int(count) for state, count in cursor.fetchall()}
    return {
        "added": newly - suppressed,
        "suppressed": suppressed,
        "partly_suppressed": partly,
        "already": kept.pop(SubscriptionState.SUBSCRIBED.value, 0),
        "kept": kept,
    }


def _record_consent(cursor: CursorWrapper, target: List, origin: Origin, *, consent: str) -> dict[str, bool]:
    legacy = not consent or consent.lower().startswith(LEGACY_PREFIX)
    values: dict[str, Any] = {
        "list": target.id,
        "text": consent or NO_CONSENT_STATED,
        "source": origin.source,
        "at": origin.at,
        "legacy": legacy,
    }
    cursor.execute(sql.RECORD_CONSENT, values)
    return {"legacy": legacy}


def _analyse(statement: str, added: int) -> None:
    if added >= _ANALYSE_FROM:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _changed(cursor: CursorWrapper, statement: str, values: Mapping[str, Any] | None = None) -> int:
    """Run a statement and give the number of rows it changed."""
    cursor.execute(statement, values)
    return int(cursor.rowcount)
