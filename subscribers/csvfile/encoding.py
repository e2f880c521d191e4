"""What the bytes of a file are: UTF-8, UTF-16 with its mark, Korean Excel's CP949, or no CSV at all."""

import codecs
import io
import re
from typing import BinaryIO, Final

MAX_BYTES: Final = 50_000_000
_CHUNK: Final = 1 << 20
_HEAD: Final = 4096

_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook of the old kind"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "an RTF document"),
    (b"BEGIN:VCARD", "an address book (vCard)"),
)
_TEXT_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"<", "HTML or XML"),
)
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class CsvFileError(ValueError):
    """The file as a whole cannot be used. `str()` says what it looks like and what to do."""


def detect_encoding(stream: BinaryIO) -> str:
    """Name the codec of a seekable stream and leave it at its start.

    The whole file is decoded once, a piece at a time: a Korean file may hold its first non-ASCII byte at the end.
    CP949 is Excel's superset of EUC-KR.

    Raises:
        CsvFileError: it is empty, longer than MAX_BYTES, not a CSV, or in another encoding (with the line).

    """
    _check_size(stream)
    head = stream.read(_HEAD)
    stream.seek(0)
    _refuse_foreign(head)
    bad_lines = []
    for encoding in ("utf-16",) if head.startswith(_UTF16_MARKS) else ("utf-8-sig", "cp949"):
        bad_line = _first_bad_line(stream, encoding)
        if not bad_line:
            return encoding
        bad_lines.append(bad_line)
    raise CsvFileError(
        f"The text is neither UTF-8 nor CP949 (EUC-KR): row {bad_lines[0]} has bytes that neither knows. "
        "Save it as “CSV UTF-8”."
    )


def _check_size(stream: BinaryIO) -> None:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if not size:
        raise CsvFileError("The file is empty.")
    if size > MAX_BYTES:
        raise CsvFileError(
            f"The file has {size:,} bytes; at most {MAX_BYTES:,} are read. Split it and import the parts."
        )


def _refuse_foreign(head: bytes) -> None:
    if head.startswith(_UTF16_MARKS):
        return
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    looks = [what for start, what in _SIGNATURES if head.startswith(start)]
    looks += [what for start, what in _TEXT_SIGNATURES if text.startswith(start)]
    if len(_CONTROLS.findall(head)) * 10 > len(head):
        looks.append("a binary file")
    if looks:
        raise CsvFileError(
            f"This is not a CSV file: it looks like {looks[0]}. Save or export the table as “CSV UTF-8” first."
        )


def _first_bad_line(stream: BinaryIO, encoding: str) -> int:
    """The line with the first byte that the codec does not know, or 0. Leaves the stream at its start."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, chunk = 1, b""
    try:
        while chunk := stream.read(_CHUNK):
            line += decoder.decode(chunk).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + error.object[: error.start].count(b"\n")
    else:
        return 0
    finally:
        stream.seek(0)
