"""How much of returned mail is understood, beside flufl.bounce and a plain reading of RFC 3464.

Over labelled messages: `FOLDER/labels.jsonl`, as bench/scoring.py reads it, names them by `file`. Figures are told for
the formats that no rule was made from (bench/corpus.py), for the others, and for all. What flufl.bounce calls permanent
and RFC 3464 reports with a 5 counts as hard: that is what a newsletter makes of it.
"""

import email
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from statistics import median
from typing import Any, Final

from flufl.bounce import all_failures

from bench import corpus
from bench.options import Options
from bench.scoring import MEASURES, Label, Reading, Share, Told, score
from pipeline.commands.classify import SHOWN_AS
from pipeline.feedback.understand import Kind, understand

COLUMNS: Final = {"set_aside": {True}, "others": {False}, "all": {True, False}}
"""Each column → which messages it is over: those of formats that were set aside, or not."""
SPEED: Final = "messages_per_second"
REASONS: Final = frozenset({"reason_exact", "reason_family"})


def run(options: Options) -> dict[str, Any]:
    """Measure → reader → column → `{"percent", "count", "of"}`; and messages per second of one core's time."""
    assert options.corpus, "asked for with a folder only"
    lines = corpus.labels(options.corpus)
    raws = [(options.corpus / line["file"]).read_bytes() for line in lines]
    scores = {name: _columns(lines, [read(raw) for raw in raws]) for name, read in READERS.items()}
    return {
        **{measure: {name: scores[name][measure] for name in _readers_for(measure)} for measure in MEASURES},
        SPEED: _speeds(raws, options.rounds),
    }


def shown(result: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table."""
    yield f"  {'':40}" + "".join(f"{column:>20}" for column in COLUMNS)
    for measure in MEASURES:
        for name, columns in result[measure].items():
            cells = (_cell(**columns[column]) for column in COLUMNS)
            yield f"  {measure:25} {name:14}" + "".join(f"{cell:>20}" for cell in cells)
    for name, rate in result[SPEED].items():
        yield f"  {SPEED:25} {name:14}{rate:>60}"


def _readers_for(measure: str) -> Iterator[str]:
    """flufl.bounce says who, and not why."""
    return (name for name in READERS if not (measure in REASONS and name == "flufl.bounce"))


def _cell(percent: float | None, count: int, of: int) -> str:
    return "–" if percent is None else f"{percent:.1f} ({count}/{of})"


def _columns(lines: Sequence[Mapping[str, Any]], readings: Sequence[Reading]) -> dict[str, dict[str, Any]]:
    aside = corpus.set_aside()
    pairs = [
        (corpus.format_of(line["file"]) in aside, (Label.of(line), reading))
        for line, reading in zip(lines, readings, strict=True)
    ]
    scores = {
        column: score([pair for is_aside, pair in pairs if is_aside in which]) for column, which in COLUMNS.items()
    }
    return {measure: {column: _figures(scores[column][measure]) for column in COLUMNS} for measure in MEASURES}


def _figures(share: Share) -> dict[str, Any]:
    return {"percent": share.percent, "count": share.count, "of": share.of}


def _speeds(raws: Sequence[bytes], rounds: int) -> dict[str, int]:
    """Interleaved passes over all messages, the median of each. Processor time: a busy machine does not count."""
    passes: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, read in READERS.items():
            began = time.process_time()
            for raw in raws:
                read(raw)
            passes[name].append(time.process_time() - began)
    return {name: round(len(raws) / median(each)) for name, each in passes.items()}


# -- the readers


def by_us(raw: bytes) -> Reading:
    """As `pressrun classify` shows it."""
    understood = understand(raw)
    failed = understood.kind is Kind.BOUNCE
    told = {
        each.address.lower(): Told(failed, each.meaning.hard, each.meaning.reason_sisimai)
        for each in understood.recipients
        if each.address and understood.kind is not Kind.COMPLAINT
    }
    return Reading(SHOWN_AS.get(understood.kind, understood.kind.value), told)


def by_flufl(raw: bytes) -> Reading:
    """It knows addresses, and delays from failures; a report of either is a bounce."""
    temporary, permanent = all_failures(email.message_from_bytes(raw))
    told = {_name(address): Told(failed=False) for address in temporary}
    told |= {_name(address): Told(hard=True) for address in permanent}
    return Reading("bounce" if told else "other", told)


def _name(address: bytes) -> str:
    return address.decode("ascii", "replace").lower()


_WORDS: Final = {
    "1.1": "userunknown", "1.2": "hostunknown", "1.3": "userunknown", "1.6": "hasmoved", "1.7": "rejected",
    "1.8": "rejected", "1.10": "notaccept", "2.1": "suspend", "2.2": "mailboxfull", "2.3": "exceedlimit",
    "3.1": "systemfull", "3.2": "notaccept", "3.4": "mesgtoobig", "4.1": "networkerror", "4.2": "networkerror",
    "4.4": "hostunknown", "4.6": "networkerror", "4.7": "expired", "7.7": "securityerror",
    "7.20": "authfailure", "7.21": "authfailure", "7.22": "authfailure", "7.23": "authfailure",
    "7.24": "authfailure", "7.25": "requireptr", "7.26": "authfailure", "7.28": "speeding",
}  # fmt: skip
_CLASSES: Final = {
    "3": "systemerror", "4": "networkerror", "5": "syntaxerror", "6": "contenterror", "7": "policyviolation",
}  # fmt: skip
"""RFC 3463, RFC 7372, RFC 7505 and IANA's registry of enhanced status codes, less the first digit → the common word."""


def by_the_standard_library(raw: bytes) -> Reading:
    """Status reports (RFC 3464) as they should be; feedback reports and automatic answers by their one mark."""
    message = email.message_from_bytes(raw)
    parts = {part.get_content_type(): part for part in reversed([*message.walk()])}
    if "message/delivery-status" in parts:
        told = dict(_blocks(parts["message/delivery-status"]))
        return Reading("bounce" if told else "other", told)
    if "message/feedback-report" in parts:
        return Reading("complaint")
    return Reading("auto-reply" if str(message.get("auto-submitted")).startswith("auto-replied") else "other")


def _blocks(part: Message) -> Iterator[tuple[str, Told]]:
    for block in part.walk():
        name = str(block.get("original-recipient") or block.get("final-recipient") or "").rpartition(";")[2].strip()
        action = str(block.get("action", "failed")).strip().lower()
        if name and action not in {"delivered", "relayed", "expanded"}:
            kind, _, status = str(block.get("status", "")).strip().partition(" ")[0].partition(".")
            word = _WORDS.get(status) or _CLASSES.get(status.partition(".")[0], "undefined")
            failed = action != "delayed"
            yield name.strip("<>").lower(), Told(failed, hard=failed and kind == "5", word=word)


READERS: Final[Mapping[str, Callable[[bytes], Reading]]] = {
    "ours": by_us,
    "flufl.bounce": by_flufl,
    "RFC 3464": by_the_standard_library,
}
