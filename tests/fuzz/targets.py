"""What is fuzzed: each takes any bytes, raises nothing, and what it gives keeps its promises."""

from collections.abc import Callable, Iterator
from contextlib import suppress

from bombs import BOMBS

from pipeline.feedback import dsn, mime, text, wire
from pipeline.feedback.answer import read_answer
from pipeline.feedback.understand import Kind, Understood, understand
from pipeline.replies import classify
from pipeline.tokens import BadTokenError, Keyring, Purpose

KEYS = Keyring({1: bytes(range(32)), 7: bytes(32)})
RINGS = [Keyring({version: key}) for version, key in KEYS.secrets.items()]
SIZE_AT_MOST = mime.SIZE_AT_MOST


def message(raw: bytes) -> None:
    """A message of any kind, and the way of what it means over the reader's line."""
    understood = understand(raw)
    tells_of_somebody = understood.kind in {Kind.BOUNCE, Kind.DELAY, Kind.COMPLAINT}
    assert tells_of_somebody == bool(understood.recipients)
    assert len(understood.recipients) <= dsn.RECIPIENTS_AT_MOST
    assert not (understood.kind is Kind.DELAY and any(each.meaning.hard for each in understood.recipients))
    answer = wire.encode(understood)
    assert len(answer) < wire.ANSWER_AT_MOST
    assert wire.decode(answer) == understood


def swollen(raw: bytes) -> None:
    """A message one piece of which is repeated up to the limit; the first octets say which."""
    understand(swell(raw))


def swell(raw: bytes) -> bytes:
    """Repeat the piece between two places."""
    places, raw = raw[:4], raw[4:]
    start, length = int.from_bytes(places[:2]) % (len(raw) or 1), 1 + int.from_bytes(places[2:]) % 300
    piece = raw[start : start + length]
    times = SIZE_AT_MOST // (len(piece) or 1)
    return (raw[:start] + piece * times)[: SIZE_AT_MOST - 200] + raw[start + length :]


def report(raw: bytes) -> None:
    """The fields of a status report, and a notice in words."""
    written = mime.storable(raw.decode("utf-8", "replace"))
    for each in dsn.read_reports(written):
        assert each.address
    notice = text.notice(written) or text.unannounced(written)
    assert len(notice.named) <= text.RECIPIENTS_AT_MOST
    for named in notice.named:
        assert len(text.about(written, named.address)) <= text.DIAGNOSTIC_AT_MOST
    mime.text_of_html(written)


def reply(raw: bytes) -> None:
    """The words of a server."""
    meaning = classify(raw.decode("utf-8", "replace"))
    assert meaning.rule


def token(raw: bytes) -> None:
    """A token of any kind, from an address or a path. It is good only if we would write it so."""
    written = raw.decode("utf-8", "surrogateescape")
    for purpose in Purpose:
        with suppress(BadTokenError):
            ids = KEYS.verify(purpose, written)
            assert written.lower() in {ring.sign(purpose, *ids) for ring in RINGS}


def answer(raw: bytes) -> None:
    """A reply that is handed on to an editor."""
    found = read_answer(raw)
    assert len(found.text) < 100_000


def line(raw: bytes) -> None:
    """What a reader that was taken over may tell its parent."""
    with suppress(wire.NoAnswerError):
        understood = wire.decode(raw)
        assert isinstance(understood, Understood)
        assert wire.decode(wire.encode(understood)) == understood


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (message, swollen, report, reply, token, answer, line)
}


def seeds(name: str) -> Iterator[bytes]:
    """What a target begins with beside our samples of returned mail."""
    if name == "line":
        yield from (wire.encode(understand(bomb(2000))) for bomb in BOMBS.values())
    elif name == "token":
        yield from (ring.sign(each, *range(each.ids)).encode() for ring in RINGS for each in Purpose)
    else:
        yield from (bomb(2000) for bomb in BOMBS.values())
