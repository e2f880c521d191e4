"""Mail that is no bounce, all of it written for these tests: `corpus/negatives/*.txt`.

A message stands there as a person reads it, and is put on the wire as its own headers say: every part in its charset
and transfer encoding, other letters in headers as encoded-words, what an archive holds as that archive. So a review
needs no decoder, and yet the parsers meet EUC-KR in base64.
"""

import base64
import gzip
import io
import quopri
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import Header
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus" / "negatives"
RETURN_PATH = "b-token@bounces.city.example"

_TITLE = re.compile(r"^==== ([a-z0-9-]+) \| ([a-z-]+)(?: \| .*)?\n", re.MULTILINE)
_FOREIGN = re.compile(r"[^\s<>\"]*[^\x00-\x7f](?:[^<>\"\n]*[^\x00-\x7f])?[^\s<>\"]*")


@dataclass(frozen=True)
class Negative:
    name: str
    kind: str
    """auto-reply, reply, receipt, report or other."""
    raw: bytes


def negatives() -> Iterator[Negative]:
    for path in sorted(FOLDER.glob("*.txt")):
        _, *pieces = _TITLE.split(path.read_text(encoding="utf-8"))
        for name, kind, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            yield Negative(name, kind, _wire(_with_common_headers(name, kind, text)))


def _with_common_headers(name: str, kind: str, text: str) -> str:
    """What every mail has. Robots answer from the null return path (RFC 3834, RFC 8098), unless one says otherwise."""
    sender = "" if kind in {"auto-reply", "receipt"} else "someone@sender.example"
    common = {
        "Return-Path": f"<{sender}>",
        "To": RETURN_PATH,
        "Date": "Mon, 23 Nov 2026 09:12:44 +0900",
        "Message-ID": f"<{name}@sender.example>",
        "MIME-Version": "1.0",
    }
    head = text.partition("\n\n")[0]
    missing = (f"{key}: {value}\n" for key, value in common.items() if not _header(head, key))
    return "".join(missing) + text


def _header(head: str, name: str) -> str:
    found = re.search(rf"^{name}:[ ]*(.*(?:\n[ \t].*)*)$", head, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _parameter(value: str, name: str) -> str:
    found = re.search(rf'{name}="?([^";]+)', value, re.IGNORECASE)
    return found[1] if found else ""


def _wire(text: str, charset: str = "utf-8") -> bytes:
    head, _, body = text.partition("\n\n")
    kind = _header(head, "Content-Type")
    charset = _parameter(kind, "charset") or charset
    return _words(head, charset) + b"\n\n" + _body(body, kind, _header(head, "Content-Transfer-Encoding"), charset)


def _body(text: str, kind: str, encoding: str, charset: str) -> bytes:
    if kind.startswith("multipart/"):
        mark = "--" + _parameter(kind, "boundary")
        preamble, *parts, end = re.split(rf"^{re.escape(mark)}(?:--)?\n", text, flags=re.MULTILINE)
        wired = (f"{mark}\n".encode() + _wire(part) for part in parts)
        return preamble.encode() + b"".join(wired) + f"{mark}--\n".encode() + end.encode()
    if kind.startswith("message/rfc822"):
        return _wire(text)
    return _transferred(_packed(text, kind, charset), encoding)


def _packed(text: str, kind: str, charset: str) -> bytes:
    if "gzip" in kind:
        return gzip.compress(text.encode(), mtime=0)
    if "zip" in kind:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(zipfile.ZipInfo("report.xml"), text)
        return file.getvalue()
    return text.encode(_codec(charset))


def _codec(charset: str) -> str:
    return "cp949" if charset.startswith("ks_c_5601") else charset


def _transferred(content: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(content) + b"\n"
    return quopri.encodestring(content) if encoding == "quoted-printable" else content


def _words(head: str, charset: str) -> bytes:
    """Header lines, what is not ASCII as encoded-words; in UTF-8 where the charset cannot say it."""

    def encoded(found: re.Match[str]) -> str:
        try:
            found[0].encode(_codec(charset))
        except UnicodeEncodeError:
            return Header(found[0], "utf-8").encode()
        return Header(found[0], _codec(charset)).encode()

    return _FOREIGN.sub(encoded, head).encode("ascii")
