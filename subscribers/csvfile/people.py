"""What the columns mean, and each row as a checked person."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from subscribers.addresses import Address, AddressError, parse_address
from subscribers.csvfile.encoding import CsvFileError, detect_encoding
from subscribers.csvfile.formulas import unguard
from subscribers.csvfile.records import Lines, Record, RowError, read_records

MAX_ROWS: Final = 1_000_000
MAX_COLUMNS: Final = 200
MAX_CELL: Final = 10_000
MAX_NAME: Final = 200
"""Characters of a first or last name, as the table of subscribers holds them."""
_DELIMITERS: Final = ",;\t"

# Spelled without case, blanks and punctuation.
_MEANINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email", "emailaddress", "mail", "mailaddress", "이메일", "이메일주소", "메일", "메일주소", "전자우편"),
    "first_name": ("firstname", "givenname", "forename"),
    "last_name": ("lastname", "familyname", "surname", "성"),
    "name": ("name", "fullname", "displayname", "이름", "성명", "성함"),
    "language": ("language", "lang", "locale", "언어"),
    "status": ("status", "state", "subscriptionstatus", "상태"),
    "suppressed": ("suppressed",),
    # Columns of our own export that say nothing about the person.
    "unused": ("subscribedat", "changedat"),
}
_MEANING_OF: Final = {spelling: meaning for meaning, all_ in _MEANINGS.items() for spelling in all_}
_MAY_REPEAT: Final = {"unused"}
_STATUS_YES: Final = {"", "subscribed", "active", "enabled", "confirmed", "구독", "구독중"}
_SUPPRESSED_NO: Final = {"", "no", "false", "0"}
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Person:
    row: int
    address: Address
    first_name: str
    last_name: str
    language: str
    """A BCP 47 tag, or empty."""
    fields: Mapping[str, str]
    """Every other column with something in it, by its name in lower case with underscores."""


class _CellError(Exception):
    def __init__(self, position: int, message: str) -> None:
        self.position, self.message = position, message
        super().__init__(message)


def read_people(stream: BinaryIO, *, whatever_status: bool = False) -> Iterator[Person | RowError]:
    """Read a CSV file of people from a seekable binary stream; the stream stays open.

    The first line names the columns, in any order: one must be `email` (or e-mail, email address, 이메일 …).
    A whole name (`name`, 이름) without a first-name column is kept whole as the first name: names are not split by
    guessing. A row whose `status` column says anything but subscribed, or whose `suppressed` column says
    something, is a RowError, because such a person must not come in as a reader; `whatever_status` lets them pass.

    Raises:
        CsvFileError: the file as a whole cannot be used, at the first step or at row MAX_ROWS + 1.

    """
    text = io.TextIOWrapper(stream, encoding=detect_encoding(stream), newline="")
    try:
        lines = Lines(text)
        delimiter, header = _read_header(lines)
        columns = _Columns(header, whatever_status=whatever_status)
        for count, record in enumerate(read_records(lines, delimiter), start=1):
            if count > MAX_ROWS:
                raise CsvFileError(f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts.")
            yield record if isinstance(record, RowError) else columns.person(record)
    finally:
        text.detach()


def _read_header(lines: Lines) -> tuple[str, list[str]]:
    """Find the first line with something on it and the delimiter that makes columns of it."""
    first = next((line for line in lines if line.strip()), "")
    # Excel's own hint, honoured by Excel alone.
    told = re.fullmatch(rf"sep=([{_DELIMITERS}])\s*", first, re.IGNORECASE)
    if told:
        first = next(lines, "")
    rows = {d: _split_header(first, d) for d in (told[1] if told else _DELIMITERS)}
    fitting = [d for d in rows if any(_meaning(name) == "email" for name in rows[d])]
    if not fitting:
        raise CsvFileError(_no_email_column(first, max(rows.values(), key=len)))
    delimiter = max(fitting, key=lambda d: len(rows[d]))
    return delimiter, rows[delimiter]


def _split_header(line: str, delimiter: str) -> list[str]:
    try:
        return [unguard(name.strip()) for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error as error:
        raise CsvFileError(f"The first line, which names the columns, cannot be read: {error}.") from error


def _no_email_column(line: str, names: Sequence[str]) -> str:
    if "@" in line:
        return "The first line holds an address already. Put a line above it that names the columns: email, …"
    shown = ", ".join(f"“{name[:40]}”" for name in names[:10] if name)
    return (
        "The first line must name the columns, and one of them must be “email” (or “e-mail”, “email address”, "
        f"“이메일”). It has: {shown or 'nothing'}."
    )


def _meaning(name: str) -> str:
    """`email`, `first_name` … or empty for a column of the file's own."""
    return _MEANING_OF.get(re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold()), "")


class _Places(NamedTuple):
    """Where each known column stands; -1 for a column that is not there."""

    email: int
    first_name: int
    last_name: int
    language: int
    status: int
    suppressed: int


class _Columns:
    """The header understood once, so that a row is a few look-ups."""

    def __init__(self, names: Sequence[str], *, whatever_status: bool) -> None:
        self._names = _without_empty_end(names)
        if len(self._names) > MAX_COLUMNS:
            raise CsvFileError(f"The file has {len(self._names)} columns; at most {MAX_COLUMNS} are read.")
        meanings = _meanings(self._names)
        self._places = _Places(*(meanings.index(m) if m in meanings else -1 for m in _Places._fields))
        self._others = _others(self._names, meanings)
        self._checks_status = not whatever_status

    def person(self, record: Record) -> Person | RowError:
        try:
            return self._person(record.row, self._cells(record.cells))
        except _CellError as error:
            column = self._names[error.position] if error.position >= 0 else ""
            return RowError(record.row, column, error.message)

    def _cells(self, cells: list[str]) -> list[str]:
        """The row's cells, as many as the header's. Spreadsheets often write empty ones after the last."""
        expected = len(self._names)
        if len(cells) < expected:
            raise _CellError(
                len(cells), f"The row ends here: it has {len(cells)} cells, the first line has {expected}."
            )
        if any(cells[expected:]):
            raise _CellError(
                -1, f"The row has {len(cells)} cells, the first line {expected}. Is a cell with a comma not quoted?"
            )
        joined = "".join(cells)
        if len(joined) > MAX_CELL or _CONTROLS.search(joined):
            _refuse_cell(cells)
        return [unguard(cell) if cell[:1] == "'" else cell for cell in cells[:expected]]

    def _person(self, row: int, cells: list[str]) -> Person:
        at = self._places
        try:
            address = parse_address(cells[at.email])
        except AddressError as error:
            raise _CellError(at.email, str(error) if error.text else "There is no address.") from error
        if self._checks_status:
            self._check_status(cells)
        return Person(
            row=row,
            address=address,
            first_name=_name(cells, at.first_name),
            last_name=_name(cells, at.last_name),
            language=_language(cells, at.language),
            fields={name: value for i, name in self._others if (value := cells[i].strip())},
        )

    def _check_status(self, cells: list[str]) -> None:
        status, suppressed = self._places.status, self._places.suppressed
        if status >= 0 and cells[status].strip().casefold() not in _STATUS_YES:
            raise _CellError(
                status, f"The status is {cells[status].strip()[:40]!r}: left out, only subscribed people come in."
            )
        if suppressed >= 0 and cells[suppressed].strip().casefold() not in _SUPPRESSED_NO:
            raise _CellError(suppressed, "The address is marked as suppressed: left out.")


def _without_empty_end(names: Sequence[str]) -> list[str]:
    last = max((i for i, name in enumerate(names) if name), default=-1)
    return list(names[: last + 1])


def _meanings(names: Sequence[str]) -> list[str]:
    """The meaning of each column, with a whole name standing in for a first name that has no column.

    Raises CsvFileError when two columns mean the same.
    """
    meanings = [_meaning(name) for name in names]
    stand_in = "" if "first_name" in meanings else "first_name"
    meanings = [stand_in if m == "name" else m for m in meanings]
    for meaning in set(meanings) - {""} - _MAY_REPEAT:
        same = [i for i, m in enumerate(meanings) if m == meaning]
        if len(same) > 1:
            raise _same_columns(names, same)
    return meanings


def _others(names: Sequence[str], meanings: Sequence[str]) -> list[tuple[int, str]]:
    """The file's own columns with the field each becomes. Raises CsvFileError when two become the same."""
    others = [(i, _field_name(name, i)) for i, name in enumerate(names) if not meanings[i]]
    for i, field in others:
        same = [j for j, other in others if other == field]
        if same != [i]:
            raise _same_columns(names, same)
    return others


def _same_columns(names: Sequence[str], positions: Sequence[int]) -> CsvFileError:
    shown = " and ".join(f"column {i + 1} (“{names[i][:40]}”)" for i in positions)
    return CsvFileError(f"Two columns mean the same: {shown}. Rename or remove one.")


def _field_name(name: str, position: int) -> str:
    folded = unicodedata.normalize("NFC", name).casefold()
    return re.sub(r"\W+", "_", folded).strip("_")[:60] or f"column_{position + 1}"


def _refuse_cell(cells: Sequence[str]) -> None:
    for i, cell in enumerate(cells):
        if len(cell) > MAX_CELL:
            raise _CellError(i, f"The cell has {len(cell):,} characters; at most {MAX_CELL:,} are read.")
        control = _CONTROLS.search(cell)
        if control:
            raise _CellError(i, f"The cell holds the control character U+{ord(control[0]):04X}.")


def _name(cells: Sequence[str], position: int) -> str:
    """A name on one line. Raises _CellError when it cannot be one."""
    if position < 0:
        return ""
    name = " ".join(cells[position].split())
    if len(name) > MAX_NAME:
        raise _CellError(position, f"The name has {len(name):,} characters; at most {MAX_NAME} are kept.")
    return name


def _language(cells: Sequence[str], position: int) -> str:
    tag = cells[position].strip().replace("_", "-") if position >= 0 else ""
    if tag and (len(tag) > 35 or not _LANGUAGE.fullmatch(tag)):
        raise _CellError(position, f"{tag[:40]!r} is not a language tag such as en, ko or pt-BR.")
    return tag
