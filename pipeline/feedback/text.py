"""Bounces in plain words: who they are about and what the other server said. Pure, linear.

`formats.tsv` beside this file says where the names of the recipients begin; what follows a name is its diagnostic,
up to the next name or to the returned copy of the message.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from typing import Final

from pipeline.feedback.mime import ADDRESS, ANGLE_ADDRESS
from pipeline.feedback.tables import TABLES, Role

TEXT_AT_MOST: Final = 32_000
LINES_AT_MOST: Final = 600
RECIPIENTS_AT_MOST: Final = 50
DIAGNOSTIC_AT_MOST: Final = 1500
SENTENCE_AT_MOST: Final = 100  # characters
ABOUT_AT_MOST: Final = 4000  # characters after a name
ABOVE_AT_MOST: Final = 6  # lines
START_WITHIN: Final = 12_000  # characters; a bounce says so early, a discussion about bounces perhaps never

_COPY: Final = re.compile(
    r"(?i)[ \t]{0,8}(?:received|return-path|dkim-signature|mime-version|x-mailer|delivered-to): ?\S"
)
_LEADING_NAME: Final = re.compile(
    rf"[\s>*|\-•·\"']*(?:\[status: ?\w{{1,20}}, ?)?"
    rf"(?:(?:to|error-for|rcpt to|(?:intended |failed )?recipients?|(?:recipient |(?P<original>original ))?address|for"
    rf"|user|addr"
    rf"|addressed to|undelivered to|e-?mail|an|empf[äa]nger|destinataire|destinatario|destinat[áa]rio|кому|получатель"
    rf"|para|宛先|送信先|受信者|收件人|收件者|收信人|수신자|수신인|받는 ?(?:사람|이))\s?[:：]\s*(?:\[smtp:)?)?"
    rf"(?:rfc822;\s?)?"
    rf"(?:{ANGLE_ADDRESS.pattern}|{ADDRESS.pattern.replace('?P<address>', '?P<bare>')})(?P<rest>.*)",
    re.IGNORECASE,
)
_STATED_NAME: Final = re.compile(
    rf"(?::|message to|mail to|deliver(?:ed|able|y)? to|delayed to) [<'\"]?{ADDRESS.pattern}(?:[>'\"]|\s*$)"
)
_REST_OF_NAME: Final = re.compile(
    r"\s*(?:$|[:：(<\[\-–—.,;>…\]]|[\"']\s*(?:$|[:：])|\.\.\.|\s{2,}|\t"
    r"| (?:on|am|le|el|il|em|op|den|w dniu) (?:[A-Z][a-z]{2}, )?\d)"
)
_SAID: Final = re.compile(r"(?:^|[\s<:(\"'#])[45]\d\d[\s\-]|[45]\.\d{1,3}\.\d{1,3}")
_FINAL: Final = re.compile(r"(?<![\d.])5(?:\d\d[ -]|\.\d{1,3}\.\d{1,3}(?![\d.]))")
_REMOTE: Final = re.compile(
    r"^[ \t]{0,8}(?:<<<|Received (?:<<<|>>>)|Diagnostic code: smtp;)[ \t]{0,3}([^\n]+(?:\n[ \t]{4,20}\S[^\n]*){0,3})",
    re.MULTILINE,
)
_ANSWERED: Final = re.compile(
    rf"rcpt to: ?<?{ADDRESS.pattern}>?[^\n]{{0,80}}\n[ \t]{{0,8}}(?:received )?(?:<<<|>>>)?[ \t]{{0,3}}"
    r"(?P<reply>[45]\d\d[ -][^\n]{0,500})",
    re.IGNORECASE,
)
_REPLIED: Final = re.compile(r"(?<![\w.])[45]\d\d[ -](?:#?[45]\.\d{1,3}\.\d{1,3} )?.{0,80}[^\W\d_]{3}")
_TRANSCRIPT: Final = re.compile(r"[ \t]{0,8}(?:>>>|<<<|-*\s?(?:smtp command|transcript|diagnostic))", re.IGNORECASE)
_REACHED: Final = re.compile(
    r"^(?![^\n]{0,160}(?:\bnot?\b|n't|\bnever\b|\bif\b))"
    r"[^\n]{0,80}\b(?:was|were|been) (?:successfully )?(?:delivered|relayed) (?:successfully )?to\b[^\n@]{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)
_SAYS: Final = re.compile(r"[^\W\d_]{3}[^\n@<>]{0,80}[^\W\d_]{3}")
"""More than a label, or a name without its domain."""
_LOCAL_NAME: Final = re.compile(r"[A-Za-z0-9][\w.+-]{1,63}")
_NEXT_PART: Final = re.compile(r"\s{0,9}-{3,}\s{0,3}[A-Za-z][^-\n]{1,60} follows:?\s{0,3}-{3,}")
_QUOTED_REPLY: Final = re.compile(r">(?!>>)")


@dataclass(frozen=True, slots=True)
class Named:
    """A recipient that the text names, and what it says about it."""

    address: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A text that says of itself that mail was not delivered (or not yet)."""

    body: str
    """The text from that statement on, without the returned copy."""
    delay: bool
    named: Sequence[Named]
    listed: bool
    """Whether the names stand at the heads of lines, and not within sentences."""


def notice(text: str) -> Notice | None:
    """Read a text as a bounce; None when it does not say that it is one."""
    text = text[:TEXT_AT_MOST]
    opening = text[:START_WITHIN]
    delay = TABLES[Role.DELAY].first(opening)
    first = min((at for at in (TABLES[Role.START].first(opening), delay) if at is not None), default=None)
    line = text.rfind("\n", 0, first) + 1 if first is not None else 0
    if first is None or _QUOTED_REPLY.match(text, line):
        return None
    before, body = text[:line], _until_reached(until_copy(text[line:]))
    named, listed = _stated(body, before) or _named(body)
    if not named:
        named, listed = _named_above(until_copy(before), body)
    elif listed and _at_line_heads(before.rpartition("\n\n")[2].split("\n")):  # it was quoted below one of the names
        named = _at_line_heads([*before.split("\n"), *body.split("\n")])[:RECIPIENTS_AT_MOST]
    return Notice(body, delay is not None, named, listed)


def unannounced(text: str) -> Notice:
    """Read a text that is known to be a bounce though none of its words say so."""
    body = until_copy(text[:TEXT_AT_MOST])
    return Notice(body, False, *_named(body))


@lru_cache(maxsize=2)  # asked for again for each recipient
@lru_cache(maxsize=4)  # asked for several times of the same words
def until_copy(text: str) -> str:
    """Cut the returned message off, by the words that announce it or by its first headers."""
    lines = text[: TABLES[Role.STOP].first(text)].splitlines()[:LINES_AT_MOST]
    for number, line in enumerate(lines):
        if _COPY.match(line):
            return "\n".join(lines[:number])
    return "\n".join(lines)


def holds_copy(text: str) -> bool:
    """Whether a returned message, or its head, stands in the text: headers do, or what announces it after a refusal."""
    return _has_headers(text) or (bool(spoken_lines(text[:TEXT_AT_MOST])) and announces_copy(text))


def shows_copy(text: str) -> bool:
    """The same of a text that is known to come from a mail system: to announce the copy is enough."""
    return _has_headers(text) or announces_copy(text)


def announces_copy(text: str) -> bool:
    """Whether the text says that a returned message, or its head, follows."""
    return TABLES[Role.STOP].fits(text[:TEXT_AT_MOST])


def _has_headers(text: str) -> bool:
    return any(_COPY.match(line) for line in text[:TEXT_AT_MOST].splitlines()[:LINES_AT_MOST])


def _named(text: str) -> tuple[Sequence[Named], bool]:
    """Names at the heads of lines, with what follows them; failing that, addresses within the sentences: False."""
    lines = text.split("\n")
    found = _at_line_heads(lines)
    return (found or _in_sentences(text))[:RECIPIENTS_AT_MOST], bool(found)


def _stated(text: str, before: str) -> tuple[Sequence[Named], bool] | None:
    """Whom the statement itself ends with, on its own line: what stands below it then is help, or more of these."""
    several = _in_statements(text.split("\n"), before)
    if several:
        return several, True
    line = text.partition("\n")[0]
    if together := _ends_with_several(line):
        return [Named(address, _squeezed(until_copy(text).split("\n")[1:])) for address in together], True
    line = line.rstrip(" >.:;!'\")")
    address = next((named.address for named in reversed(_in_sentences(line)) if line.endswith(named.address)), "")
    return ([Named(address, _squeezed(until_copy(text).split("\n")))], True) if address else None


def _until_reached(text: str) -> str:
    """Without the list of those who did get the mail, where that is the last."""
    found = _REACHED.search(text) if "ed to" in text or "successfully to" in text else None
    return text[: found.start()] if found and not TABLES[Role.START].fits(text[found.end() :]) else text


def _named_above(before: str, body: str) -> tuple[Sequence[Named], bool]:
    """Whom it names before it says that mail failed: on the line just above (all of one fate), or anywhere."""
    together = _ends_with_several(before.rstrip("\n").rpartition("\n")[2])
    if together:
        return [Named(each, _squeezed(body.split("\n"))) for each in together], True
    return _named_in(before, body)


def _named_in(before: str, body: str) -> tuple[Sequence[Named], bool]:
    """Of a list, the last name is told of by the statement that follows it."""
    named, listed = _named(before)
    return _named(f"{before}\n{body}") if listed and len(named) > 1 else (named, listed)


def _ends_with_several(line: str) -> Sequence[str]:
    """The addresses, two or more, that a line ends with: between them stand commas, brackets and quotes alone."""
    found = [*ADDRESS.finditer(line[:DIAGNOSTIC_AT_MOST])]
    between = [line[one.end() : two.start()] for one, two in pairwise(found)]
    if not between or line[found[-1].end() :].strip(" >'\".:;,") or any(each.strip(" >'\"<,;") for each in between):
        return ()
    return tuple(dict.fromkeys(each["address"] for each in found))


def until_named(text: str, *, of_all: bool = False) -> str:
    """What stands above the first name; if it must be of all names, not what may be of the first alone."""
    found = ADDRESS.search(text)
    above = text[: found.start()] if found else ""
    if not of_all:
        return above
    return "" if spoken_lines(above) else above.rpartition("\n\n")[0]


def runs(names: Sequence[Named]) -> Sequence[Sequence[Named]]:
    """Names in a row of which only the last is followed by words: they share them."""
    found: list[list[Named]] = [[]]
    for each in names:
        found[-1].append(each)
        if each.diagnostic.strip(" >"):
            found.append([])
    return found


def last_sentence(text: str) -> str:
    """The last paragraph, where it is one line; longer ones hold courtesies, too."""
    *_, last = text.rstrip(" <'\"\n").split("\n\n")
    return "" if "\n" in last.strip() or len(last) > SENTENCE_AT_MOST else last


def local_names(text: str) -> Sequence[str]:
    """Names without a domain, each on a line of its own, below a line that ends with a colon."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    below = next((lines[at + 1 :] for at, line in enumerate(lines) if line.endswith(":")), [])
    return list(takewhile(_LOCAL_NAME.fullmatch, below))[:RECIPIENTS_AT_MOST]


def _at_line_heads(lines: Sequence[str]) -> list[Named]:
    said: dict[str, list[str]] = {}
    above: dict[str, str] = {}
    current: list[str] | None = None
    for number, line in enumerate(lines):
        name = _LEADING_NAME.match(line[:500])
        if name and (_REST_OF_NAME.match(name["rest"]) or _SAID.search(name["rest"].replace(",", " "))):
            if name["original"] and said:  # whom we wrote to is told after what became of it
                said.popitem()
            first, *others = _ends_with_several(line) or (name["address"] or name["bare"],)
            current = said.setdefault(first, [])
            current.append("" if others else name["rest"].strip(" :>,;"))
            said.update(dict.fromkeys(others, current))
            above[first] = _above(lines, number)
        elif _NEXT_PART.match(line[:200]):  # a transcript is of all of them
            current = None
        elif current is not None:
            current.append(line.strip())
    if len(said) > 1 and all(map(above.get, said)) and not "".join([*said.values()][-1]).strip(" -"):
        # why, then who, as Notes tells it
        said = {address: [above[address]] for address in said}
    return [Named(_plain_address(address), _squeezed(words)) for address, words in said.items()]


def _in_statements(lines: Sequence[str], before: str) -> list[Named]:
    """Several lines that each say whose mail failed, with what follows: IMail's, IronPort's, CommuniGate's reports."""
    lines = [*before.rstrip("\n").split("\n")[-ABOVE_AT_MOST:], *lines]
    found = [(number, name["address"]) for number, line in enumerate(lines) if (name := _statement(line))]
    if len({address for _, address in found}) < 2:
        return []
    starts = [number for number, _ in found]
    if not "".join(lines[starts[-1] + 1 :]).strip(" -") and _above(lines, starts[0]):  # why, then who
        starts = [0, *(number + 1 for number in starts)]
    said: dict[str, list[str]] = {}
    for (_, address), start, end in zip(found, starts, [*starts[1:], len(lines)], strict=False):
        said.setdefault(address, []).extend(line.strip() for line in lines[start:end])
    asked = {
        each["address"]: [each["reply"]] for each in _ANSWERED.finditer(before + "\n".join(lines))
    }  # the transcript first
    return [Named(address, _squeezed(words)) for address, words in (said | asked).items() if address in said]


def _statement(line: str) -> re.Match[str] | None:
    """The name that a line ends with which says whose mail failed."""
    name = _STATED_NAME.search(line[:300]) if "@" in line else None
    return name if name and any(TABLES[role].fits(line[:300]) for role in (Role.START, Role.DELAY)) else None


def _above(lines: Sequence[str], number: int) -> str:
    """The lines right above, up to a name or to an empty line."""
    block: list[str] = []
    for line in map(str.strip, reversed(lines[max(0, number - ABOVE_AT_MOST) : number])):
        if (block and not line) or _LEADING_NAME.match(line[:500]) or _statement(line):
            break
        block += [line] if line else []
    return " ".join(reversed(block))


def _in_sentences(text: str) -> list[Named]:
    addresses = dict.fromkeys(_plain_address(found["address"]) for found in ADDRESS.finditer(text))
    return [Named(address, _squeezed(_lines_about(text, address))) for address in [*addresses][:RECIPIENTS_AT_MOST]]


def _plain_address(address: str) -> str:
    """Without what Exchange's X.400 names write before it (`dda:SMTP=ada@x.test`)."""
    return address[5:] if address[:5].lower() == "smtp=" else address


def lines_about(text: str, address: str) -> str:
    """All lines that name an address: those of a transcript that follows the list."""
    return _squeezed(_lines_about(text, address))


def _lines_about(text: str, address: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if address in line]


def remote_lines(text: str) -> str:
    """What the other server answered in Sendmail's, Courier's, InterScan's or Messaging Server's transcript."""
    return "\n".join(found[1] for found in islice(_REMOTE.finditer(text), LINES_AT_MOST))[:DIAGNOSTIC_AT_MOST]


@lru_cache(maxsize=4)
def spoken_lines(text: str) -> str:
    """The lines of a transcript in which a server speaks: with a reply code or an enhanced one."""
    return "\n".join(line.strip() for line in text.split("\n") if _SAID.search(line))[:DIAGNOSTIC_AT_MOST]


def is_final(text: str) -> bool:
    """Whether a server speaks in it that says no for good (5xx)."""
    return _FINAL.search(text) is not None


def about(text: str, address: str, names: Sequence[str] = ()) -> str:
    """What the text says after naming an address, up to the next of these names; empty when it does not.

    Names in a row share what is said below the last of them.
    """
    text = until_copy(text)
    plain = text.lower()
    at = plain.find(address.lower()) if address else -1
    if at < 0:
        return ""
    after = at + len(address)
    others = {name.lower() for name in names if name} - {address.lower()}
    marks = sorted(at for name in others if (at := plain.find(name, after)) >= 0)
    ends = (at for at in marks if _SAYS.search(ADDRESS.sub(" ", text[after:at])))
    return _squeezed(text[after : min(next(ends, len(text)), after + ABOUT_AT_MOST)].split("\n"))


def about_one(text: str, address: str, names: Sequence[str]) -> str:
    """What the text says of one of several: what its list does, else what stands after the name up to another."""
    text = until_copy(text)[:TEXT_AT_MOST]
    listed, places = _told_and_places(text)
    address, lower = address.lower(), {name.lower() for name in names}
    if listed.get(address):
        return listed[address]
    places = [place for place in places if place[2] in lower]
    ends = [start for start, _, _ in places[1:]] + [len(text)]
    return _squeezed([text[after:end] for (_, after, name), end in zip(places, ends, strict=False) if name == address])


@lru_cache(maxsize=2)  # asked for again for each recipient
def _told_and_places(text: str) -> tuple[Mapping[str, str], Sequence[tuple[int, int, str]]]:
    """What a list says of each, and where each name stands, in lower case."""
    named, listed = _named(text)
    told = {each.address.lower(): each.diagnostic.strip(" >") for each in named} if listed else {}
    return told, [(found.start(), found.end(), found["address"].lower()) for found in ADDRESS.finditer(text)]


def _squeezed(lines: Sequence[str]) -> str:
    """On one line. Below a quoted reply and an empty line is but help, unless there is more of a transcript."""
    replied = next((number for number, line in enumerate(lines) if _REPLIED.search(line)), len(lines))
    end = next((number for number in range(replied, len(lines)) if not lines[number].strip()), len(lines))
    end = max([end, *(number + 2 for number in range(end, len(lines)) if _TRANSCRIPT.match(lines[number]))])
    return " ".join(" ".join(lines[:end]).split())[:DIAGNOSTIC_AT_MOST].rstrip(" -")
