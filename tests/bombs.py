"""Messages made to cost their reader more than they cost their writer: each by its size in octets, about."""

from collections.abc import Callable, Iterator
from itertools import islice

DAEMON = b"From: MAILER-DAEMON@x.test\nSubject: failure notice\n"
NOTICE = b"\nThis is the mail system at host x. It could not be delivered to one or more recipients.\n"


def repeated(head: bytes, piece: bytes, tail: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: head + piece * (size // len(piece)) + tail


def numbered(head: bytes, piece: bytes, tail: bytes = b"") -> Callable[[int], bytes]:
    """`%d` in the piece is a new number each time."""
    return lambda size: head + b"".join(islice(_numbered(piece), size // (len(piece) + 4))) + tail


def _numbered(piece: bytes) -> Iterator[bytes]:
    return (piece % number for number in range(10_000_000))


def report(words: bytes = b"") -> bytes:
    head = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n"
    return DAEMON + head + words + b"\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\n"


def text(kind: bytes, charset: bytes = b"utf-8") -> bytes:
    return DAEMON + b"Content-Type: text/%s; charset=%s\n\n" % (kind, charset)


def nested(depth: int, *, same: bool) -> bytes:
    names = (0 if same else level for level in range(depth))
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (name, name) for name in names)


NOTIFICATION = b"From: no-reply@sns.amazonaws.com\n\n"
FAILED = b"Final-Recipient: rfc822; a@x.test\nAction: failed\nDiagnostic-Code: smtp; "
NAMES = b"".join(islice(_numbered(b"<a%d@x.test>: something that means nothing to anybody\n"), 1000))
BLOCK = (
    b"Final-Recipient: rfc822; a%d@x.test\nAction: failed\nDiagnostic-Code: smtp; 550 " + b"odd words " * 120 + b"\n\n"
)

HEADERS = {
    "many": repeated(b"", b"a: b\n"),
    "many of one name": repeated(b"", b"Subject: x\n"),
    "one long": repeated(b"Subject: ", b"x "),
    "one long, of blanks": repeated(b"Subject: ", b" ", b"x"),
    "folded": repeated(b"Subject: x\n", b" =?utf-8?q?\n"),
    "folded parameters": repeated(b"Content-Type: multipart/mixed;\n", b" a=b;\n"),
    "words": repeated(b"Subject: ", b"=?utf-8?q?a?= "),
    "words, broken": repeated(b"Subject: ", b"=?utf-8?b?"),
    "words, of many charsets": repeated(b"Subject: ", b"=?gb18030?b?gTCBMIEw?= =?utf-7?q?+AAA-?= "),
    "answers": repeated(b"Subject: ", b"re[1]: "),
    "parameters": repeated(b"Content-Type: multipart/mixed", b'; a="'),
    "angles": repeated(b"From: ", b"<"),
    "failed ones": numbered(DAEMON + b"X-Failed-Recipients: ", b"a%d@x.test, ", b"\n\n" + NAMES),
    "an id": repeated(DAEMON + b"Content-Type: message/rfc822\n\nX-Pressrun-Id: ", b"a"),
}
PARTS = {
    "levels": lambda size: nested(size // 50, same=False),
    "levels of one name": lambda size: nested(20, same=True) + b"--b0\n" * (size // 5),
    "a long tail below": repeated(nested(20, same=False) + b"\n", b"-"),
    "lines like marks below": repeated(nested(20, same=False) + b"\n", b"--b\n"),
    "many": repeated(nested(1, same=True), b"\n--b0\n"),
    "blanks after a mark": repeated(nested(1, same=True), b"\n--b0" + b" " * 500 + b"x"),
    "headers of each": repeated(nested(1, same=True), b"\n--b0\n" + b"a: b\n" * 900),
    "messages within": repeated(b"", b"Content-Type: message/rfc822\n\n"),
    "base64 of each": repeated(
        nested(1, same=True), b"\n--b0\nContent-Transfer-Encoding: base64\n\n" + b"QUJD\n" * 900
    ),
    "HTML of each": repeated(nested(1, same=True), b"\n--b0\nContent-Type: text/html\n\n" + b"<p>x " * 900),
}
CONTENTS = {
    "no end of it": repeated(b"", b"x"),
    "no end of lines": repeated(DAEMON + NOTICE, b"\n"),
    "NUL": repeated(DAEMON + NOTICE, b"\0"),
    "octets that are no letters": repeated(DAEMON + NOTICE, b"\x81"),
    "quoted-printable": repeated(b"Content-Transfer-Encoding: quoted-printable\n\n", b"=\n"),
    "base64": repeated(b"Content-Transfer-Encoding: base64\n\n", b"A=\n"),
    "UTF-7": repeated(text(b"plain", b"utf-7"), b"+2D3cAA- "),
    "UTF-7, octets of eight bits": repeated(text(b"plain", b"utf-7"), b"\x81"),
    "TIS-620, octets that are no letters": repeated(text(b"plain", b"tis-620"), b"\xff"),
    "UTF-16": repeated(text(b"plain", b"utf-16"), b"\x00\xd8"),
    "ISO-2022-JP": repeated(text(b"plain", b"iso-2022-jp"), b'\x1b$B$"\x1b(B'),
    "ISO-2022-JP, escapes": repeated(text(b"plain", b"iso-2022-jp"), b"\x1b"),
    "ISO-2022-KR": repeated(text(b"plain", b"iso-2022-kr"), b"\x1b$)C\x0e"),
    "HZ": repeated(text(b"plain", b"hz"), b"~{~"),
    "GB18030": repeated(text(b"plain", b"gb18030"), b"\x81\x30\x81"),
    "tags": repeated(text(b"html"), b"<p>could not be delivered &amp; "),
    "tags, open": repeated(text(b"html"), b"<a <br "),
    "scripts": repeated(text(b"html"), b"<script><"),
    "scripts, of letters that grow when folded": repeated(text(b"html"), "İ<script>".encode()),
    "entities": repeated(text(b"html"), b"&notit;&CounterClockwiseContourIntegral"),
}
WORDS = {
    "names at heads of lines": numbered(DAEMON + NOTICE, b"<a%d@x.test>: odd words\n"),
    "names in sentences": numbered(DAEMON + NOTICE, b"a%d@x.test odd words "),
    "half names": repeated(DAEMON + NOTICE, b"a@b."),
    "quotes": repeated(DAEMON + NOTICE, b'"a'),
    "replies": repeated(DAEMON + NOTICE, b"550 "),
    "reply lines": repeated(DAEMON + NOTICE, b"550 x\n"),
    "codes": repeated(DAEMON + NOTICE, b"5.1.1.1."),
    "quoted lines": repeated(DAEMON + NOTICE, b"> > > "),
    "ends": repeated(DAEMON + NOTICE, b"Below this line is "),
    "starts": repeated(DAEMON + b"\n", b"could not be delivered to "),
    "gatekeepers": repeated(b"From: x@y.test\n\n", b"please confirm your "),
    "Korean": repeated(text(b"plain") + NOTICE, "배달 ".encode()),
    "ids": repeated(DAEMON + b"\n", b"X-Pressrun-Id: aaaaaaaaaaaaaaaaaaaaaaaaaaa x\n"),
    "addressees": repeated(DAEMON + b"\n", b"To: a@b.test, \n"),
}
REPORTS = {
    "recipients": numbered(report(NAMES), b"Final-Recipient: rfc822; a%d@x.test\nStatus: 5.0.0\n\n"),
    "recipients, each with a speech": numbered(report(NAMES), BLOCK),
    "fields": numbered(report(), b"a%d: b\n"),
    "a diagnostic in many lines": repeated(report() + FAILED + b"550 no\n", b" " + b"x" * 44 + b"\n"),
    "a diagnostic of codes": repeated(report() + FAILED, b"550 5.1."),
    "a recipient without end": repeated(report() + b"Final-Recipient: rfc822; ", b"a@"),
    "a recipient, encoded": repeated(report() + b"Original-Recipient: rfc822; ", b"a+2B", b"@x.test\n"),
    "a status": repeated(report() + b"Final-Recipient: rfc822; a@x.test\nStatus: ", b"5.1."),
    "complaint's fields": numbered(b"Content-Type: message/feedback-report\n\n", b"a%d: b\n"),
    "notified ones": numbered(
        NOTIFICATION + b'{"bounce":{"bouncedRecipients":[',
        b'{"emailAddress":"a%d@x.test","diagnosticCode":"smtp; 550 odd"},',
        b"{}]}}",
    ),
    "notification, deep": repeated(NOTIFICATION, b'{"a":'),
    "notification, a number": repeated(NOTIFICATION + b'{"a":', b"1"),
}
BOMBS: dict[str, Callable[[int], bytes]] = {
    f"{group}: {name}": make
    for group, makers in (
        ("headers", HEADERS),
        ("parts", PARTS),
        ("contents", CONTENTS),
        ("words", WORDS),
        ("reports", REPORTS),
    )
    for name, make in makers.items()
}
