"""A compiled issue as wire bytes: sealing it into segments and slots, filling the slots, storing it.

Filling is the hot path of a send. It joins byte strings and does nothing else that grows with the size of the issue.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from html import escape
from itertools import accumulate, pairwise
from quopri import decodestring
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from pipeline.content import headers, merge, quoted
from pipeline.content.slots import Piece
from pipeline.content.types import ContentError, Context, Link, Proof, Slot

_MAGIC: Final = b"pressrun-proof 1\n"
_TOKEN = re.compile("[A-Za-z0-9_-]{1,62}")
_FAST = re.compile("[ -<>-~]{1,62}")
"""Values that quoted-printable leaves alone, but for a dot or `From ` in front."""
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_SUBJECT: Final = b"\r\nSubject: "
_STATIC_SUBJECT = re.compile(rb"(\r\nSubject: )[^\r]+(?:\r\n [^\r]+)*")
_BLANK_LINE: Final = b"\r\n\r\n"

Make: TypeAlias = Callable[[Mapping[str, str]], bytes]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A proof made ready for filling: every distinct slot is encoded once and put where `order` says."""

    proof: Proof
    pieces: list[bytes]
    makers: tuple[Make, ...]
    order: tuple[int, ...]


_PLANS: dict[str, _Plan] = {}
_PLANS_KEPT: Final = 16


def seal(
    fields: Sequence[bytes | Slot],
    *,
    text: Sequence[Piece],
    html: Sequence[Piece],
    nonce: str,
    language: str,
    subject: str,
    links: tuple[Link, ...],
    layout: str,
) -> Proof:
    """Make the proof of a multipart/alternative message, text part first (RFC 2046 section 5.1.4).

    `fields` are the header fields but Content-Type, wire-ready; `text` and `html` come from `SlotTable.split`.
    """
    # "=_" cannot occur in quoted-printable, so no body can hold the boundary.
    boundary = f"=_{nonce}".encode()
    part = b'Content-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    segments, slots = _joined(
        [
            *fields,
            b'Content-Type: multipart/alternative;\r\n boundary="%s"\r\n\r\n--%s\r\n' % (boundary, boundary),
            part % b"plain",
            *quoted.pieces(text),
            b"\r\n--%s\r\n" % boundary,
            part % b"html",
            *quoted.pieces(html),
            b"\r\n--%s--\r\n" % boundary,
        ]
    )
    return Proof(
        hash=_hash(segments, slots),
        language=language,
        subject=subject,
        segments=segments,
        slots=slots,
        html_size=sum(len(piece.encode()) for piece in html if isinstance(piece, str)),
        encoded_size=sum(map(len, segments)),
        links=links,
        layout=layout,
    )


def fill(proof: Proof, values: Mapping[str, str]) -> bytes:
    """The whole wire message for one reader: CRLF line ends, nothing to escape, without the closing dot.

    `values` holds `to`, `date`, `message_id`, the tokens, and whatever merge fields are known. Raises ContentError for
    a value that is missing or may not stand where its slot is; then nothing was made.
    """
    return b"".join(pieces(proof, values))


def pieces(proof: Proof, values: Mapping[str, str]) -> list[bytes]:
    """What `fill` joins: segments and filled slots in turn. Raises like `fill`."""
    return _filled(_plan(proof), values)


def message_parts(proof: Proof, values: Mapping[str, str]) -> tuple[str, str]:
    """The HTML and the text part as the reader gets them, decoded from the very same segments.

    Needs only the values of slots in the bodies.
    """
    raw = b"".join(_filled(_made_plan(_body(proof)), values))
    _, text, html = re.split(rb"(?:\A|\r\n)--=_[A-Za-z0-9]+(?:--)?\r\n", raw)[:3]
    return _decoded(html), _decoded(text)


def head(proof: Proof) -> str:
    """The header fields as they go over the wire, for people: a slot is shown by its name or its text."""
    shown = [f"{{{{ {slot.name} }}}}" if not slot.template else slot.template for slot in proof.slots]
    pieces = [segment.decode("ascii") for segment in proof.segments]
    whole = "".join(piece + slot for piece, slot in zip(pieces, [*shown, ""], strict=True))
    return whole.partition("\r\n\r\n")[0].replace("\r\n", "\n")


def marked(proof: Proof, mark: str) -> Proof:
    """The same proof with `mark` and a space in front of its subject. Every other byte and slot stays."""
    text = headers.HeaderText(f"{mark} {proof.subject}")
    written = headers.unstructured(text, used=len("Subject: ")).encode("ascii")
    # The first segment that names the field is the one that holds it: nothing in front of it is anybody's free text.
    at = next(index for index, segment in enumerate(proof.segments) if _SUBJECT in segment)
    changed = _STATIC_SUBJECT.sub(lambda found: found[1] + written, proof.segments[at], count=1)
    segments = (*proof.segments[:at], changed, *proof.segments[at + 1 :])
    slots = tuple(
        replace(slot, template=f"{mark} {slot.template}") if slot.context is Context.HEADER_TEXT else slot
        for slot in proof.slots
    )
    return replace(proof, hash=_hash(segments, slots), subject=text.text, segments=segments, slots=slots)


def stand_ins(proof: Proof, word: str) -> dict[str, str]:
    """`word` in place of every token: for copies that must not act for anybody."""
    return {slot.name: word for slot in proof.slots if slot.name.startswith("token.")}


def dump(proof: Proof) -> bytes:
    """A proof as bytes to store: a line with the version, a line of JSON, the segments end to end."""
    facts = asdict(proof)
    facts["segments"] = [len(segment) for segment in proof.segments]
    return _MAGIC + json.dumps(facts, ensure_ascii=False).encode() + b"\n" + b"".join(proof.segments)


def load(stored: bytes) -> Proof:
    """The proof that `dump` stored. Raises ContentError when it is of another version or not what was stored."""
    if not stored.startswith(_MAGIC):
        raise ContentError("the stored proof has a format that this version does not know; compile the issue again")
    line, _, body = stored[len(_MAGIC) :].partition(b"\n")
    try:
        proof = _proof(json.loads(line), body)
    except (ValueError, TypeError, KeyError) as error:
        raise ContentError("the stored proof is damaged; compile the issue again") from error
    if _hash(proof.segments, proof.slots) != proof.hash or sum(map(len, proof.segments)) != len(body):
        raise ContentError("the stored proof does not match its hash; compile the issue again")
    return proof


def _proof(facts: dict[str, Any], body: bytes) -> Proof:
    ends = list(accumulate(facts.pop("segments")))
    slots = [Slot(**{**slot, "context": Context(slot["context"])}) for slot in facts.pop("slots")]
    return Proof(
        segments=tuple(body[start:end] for start, end in pairwise([0, *ends])),
        slots=tuple(slots),
        links=tuple(Link(**link) for link in facts.pop("links")),
        **facts,
    )


def _hash(segments: Sequence[bytes], slots: Sequence[Slot]) -> str:
    shape = json.dumps([[len(segment) for segment in segments], [asdict(slot) for slot in slots]])
    return sha256(shape.encode() + b"\n" + b"".join(segments)).hexdigest()


def _joined(pieces: Sequence[bytes | Slot]) -> tuple[tuple[bytes, ...], tuple[Slot, ...]]:
    segments, slots, run = list[bytes](), list[Slot](), list[bytes]()
    for piece in pieces:
        if isinstance(piece, Slot):
            segments.append(b"".join(run))
            slots.append(piece)
            run = []
        else:
            run.append(piece)
    return (*segments, b"".join(run)), tuple(slots)


def _body(proof: Proof) -> Proof:
    """The same proof without its header fields, for reading only."""
    first = next(index for index, segment in enumerate(proof.segments) if _BLANK_LINE in segment)
    start = proof.segments[first].partition(_BLANK_LINE)[2]
    return replace(proof, segments=(start, *proof.segments[first + 1 :]), slots=proof.slots[first:])


def _filled(plan: _Plan, values: Mapping[str, str]) -> list[bytes]:
    made = [make(values) for make in plan.makers]
    out = plan.pieces.copy()
    out[1::2] = [made[index] for index in plan.order]
    return out


def _decoded(part: bytes) -> str:
    return decodestring(part.partition(_BLANK_LINE)[2]).decode().replace("\r\n", "\n")


def _plan(proof: Proof) -> _Plan:
    plan = _PLANS.get(proof.hash)
    if plan is None or plan.proof is not proof:
        if len(_PLANS) >= _PLANS_KEPT:
            _PLANS.clear()
        _PLANS[proof.hash] = plan = _made_plan(proof)
    return plan


def _made_plan(proof: Proof) -> _Plan:
    distinct = list(dict.fromkeys(proof.slots))
    pieces = [b""] * (len(proof.segments) + len(proof.slots))
    pieces[::2] = proof.segments
    return _Plan(proof, pieces, tuple(map(_maker, distinct)), tuple(map(distinct.index, proof.slots)))


def _maker(slot: Slot) -> Make:
    if slot.name.startswith("token."):
        return _token_maker(slot)
    if slot.context is Context.HEADER:
        return lambda values: headers.wire(_value(slot, values)).encode("ascii")
    if slot.context is Context.HEADER_TEXT:
        return _header_text_maker(slot)
    written = _WRITTEN[slot.context]
    return lambda values: _body_value(written(values.get(slot.name, "").strip() or slot.default))


def _token_maker(slot: Slot) -> Make:
    """Tokens are URL-safe and short, and so the same bytes wherever they stand."""

    def make(values: Mapping[str, str]) -> bytes:
        token = _value(slot, values)
        if not _TOKEN.fullmatch(token):
            raise ContentError(f"the value of {slot.name} is not a token of 1 to 62 letters, digits, - and _")
        return token.encode("ascii")

    return make


def _header_text_maker(slot: Slot) -> Make:
    """The field's name and `: ` stand in front of the slot; `slot.name` is the name, in lower case."""
    parts, used = merge.parse(slot.template), len(slot.name) + 2

    def make(values: Mapping[str, str]) -> bytes:
        text = headers.HeaderText.tamed(merge.fill(parts, values))
        return headers.wire(headers.unstructured(text, used=used)).encode("ascii")

    return make


def _value(slot: Slot, values: Mapping[str, str]) -> str:
    try:
        return values[slot.name]
    except KeyError:
        raise ContentError(f"the message needs a value for {slot.name}") from None


def _in_url(value: str) -> str:
    return quote(value, safe="", errors="replace")


def _body_value(value: str) -> bytes:
    if _FAST.fullmatch(value) and not value.startswith((".", "From ")):
        return value.encode("ascii")
    return quoted.encode(_CONTROLS.sub(" ", value))


_WRITTEN: Final[Mapping[Context, Callable[[str], str]]] = {
    Context.TEXT: str,
    Context.HTML: escape,
    Context.URL: _in_url,
}
