"""What a message that came back is, and what it says about whom. Pure: bytes in, `Understood` out, never an error.

The order of the questions matters: a status report is believed before words, words before the habits of robots,
because a third of all genuine bounces call themselves `auto-replied`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pipeline.feedback import arf, automatic, dsn, mime, sns, text
from pipeline.feedback.dsn import Action, Report
from pipeline.feedback.mime import Part, address_of, addresses_of
from pipeline.feedback.tables import TABLES, Role
from pipeline.feedback.text import RECIPIENTS_AT_MOST, Named, Notice
from pipeline.feedback.understood import Kind, Recipient, Understood
from pipeline.replies import FALLBACKS, Meaning, classify, command_in
from pipeline.replies.reasons import Fault
from pipeline.replies.reasons import meaning as meaning_of

__all__ = ["Kind", "Recipient", "Understood", "understand"]

ID_HEADER: Final = "X-Pressrun-Id"
HUMAN_TEXT_AT_MOST: Final = 60_000  # characters
TEXT_PARTS_AT_MOST: Final = 5
FAILED_RECIPIENTS: Final = "X-Failed-Recipients"
TO_LINES_AT_MOST: Final = 20
OPENING: Final = 400  # characters; what a list's server says before it shows the copy
SIGNS_AT_LEAST: Final = 3  # of the six of `_hint`
MAIL_SYSTEM: Final = "a mail system wrote it"

_RETURNED: Final = frozenset({"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"})
_ID_LINE: Final = re.compile(rf"^[\s>|]{{0,20}}{ID_HEADER}: ?([A-Za-z2-7]{{20,100}})\s*$", re.IGNORECASE | re.MULTILINE)
_IN_ITS_WORDS: Final = re.compile(r"\b[45]\d\d[ -](?:#?[45]\.\d{1,3}\.\d{1,3} )?.{0,300}[^\W\d_]{3}", re.DOTALL)
"""A reply that was quoted. What it does not say is not said by the courtesies, the footers and the copy around it."""
_TO_LINE: Final = re.compile(r"^[\s>|]{0,20}To: ?(\S[^\n]{0,300})$", re.IGNORECASE | re.MULTILINE)
_TAKEN: Final = re.compile(r"[\W_]{0,5}(?:2(?:5[0-2][ -]|\.\d{1,3}\.\d{1,3}\b)|successfully |relayed to )")
_OF_DELIVERY: Final = frozenset({"", "delivery-status"})  # and not of TLS, receipts or complaints
_ROLES: Final = frozenset(
    {"postmaster", "mailer-daemon", "abuse", "hostmaster", "helpdesk", "support", "info", "noreply"}
)


@dataclass(frozen=True, slots=True)
class _Mail:
    message: Part
    returned: Part
    words: str
    """What people are meant to read, without the returned copy where that is a part of its own."""


def understand(raw: bytes) -> Understood:
    """Say what a raw message is. At most the first megabyte is looked at; time is linear in it."""
    mail = _open(mime.read(raw))
    kind, recipients, rule = _judge(mail)
    return Understood(
        kind=kind,
        recipients=tuple(recipients),
        returned_id=_returned_id(mail),
        in_reply_to=mail.message.header("in-reply-to").strip(),
        return_path=address_of(mail.message.header("return-path")),
        rule=rule,
    )


def _open(message: Part) -> _Mail:
    leaves = tuple(message.leaves())
    at = next((number for number, leaf in enumerate(leaves) if leaf.kind in _RETURNED), len(leaves))
    returned = mime.read(leaves[at].content()) if at < len(leaves) else Part(())
    for kind in ("text/plain", "text/html"):
        those = islice((leaf for leaf in leaves[:at] if leaf.kind == kind), TEXT_PARTS_AT_MOST)
        human = [leaf.text()[:HUMAN_TEXT_AT_MOST] for leaf in those]
        if human:
            break
    return _Mail(message, returned, "\n".join(human)[:HUMAN_TEXT_AT_MOST])


def _judge(mail: _Mail) -> tuple[Kind, Iterable[Recipient], str]:
    found = _by_complaint(mail) or _by_challenge(mail) or _by_report(mail)
    if found:
        return found
    if automatic.is_receipt(mail.message) and not _is_rejection(mail):
        return Kind.OTHER, (), "read receipt"
    return _by_words(mail) or _by_habit(mail)


def _is_rejection(mail: _Mail) -> bool:
    """Whether it is in the form of a receipt, but a server's refusal (RFC 5429): Dovecot's, of a full mailbox."""
    if not (_is_daemon(mail.message) and TABLES[Role.START].fits(mail.words[:OPENING])):
        return False
    receipts = (
        leaf.text().lower() for leaf in mail.message.leaves() if leaf.kind == "message/disposition-notification"
    )
    return any("automatic-action" in each and "deleted" in each for each in receipts)


def _by_challenge(mail: _Mail) -> tuple[Kind, Iterable[Recipient], str] | None:
    """Some come as status reports of a failure. What was refused only for want of a click may yet be delivered."""
    words = text.until_copy(mail.words) if automatic.is_challenge(mail.words) else ""
    if not automatic.is_challenge(words):
        return None
    said = text.spoken_lines("\n".join([words, *(report.diagnostic for report in dsn.reports(mail.message))]))
    page = "http" in said and automatic.is_challenge(said)
    return (Kind.OTHER, (), "challenge") if page or not said else None


def _by_report(mail: _Mail) -> tuple[Kind, Iterable[Recipient], str] | None:
    if mail.message.kind != "multipart/report" and _is_personal(mail.message):  # the report is an attachment of theirs
        return None
    reports = dsn.reports(mail.message) or sns.reports(mail.message, mail.words)
    if not reports and _is_daemon(mail.message) and _is_daemon(mail.returned):  # a gateway passes a server's report on
        reports = dsn.reports(mail.returned)
    if not reports and "final-recipient" in mail.words.lower() and _evidence(mail):
        reports = dsn.read_reports(mail.words)
    if not reports:
        return None
    told = [
        _of_report(report, mail, [each.address for each in reports])
        for report in reports
        if report.action is not Action.DELIVERED
    ]
    for action, kind in ((Action.FAILED, Kind.BOUNCE), (Action.DELAYED, Kind.DELAY)):
        if any(each.action == action for each in told):
            return kind, told, f"status report: {action}"
    return Kind.OTHER, (), "status report: delivered"


def _of_report(report: Report, mail: _Mail, names: Sequence[str]) -> Recipient:
    """Where there are more of them, words that name nobody may be about another."""
    alone = "" if len(names) == 1 or report.diagnostic else text.about_one(mail.words, report.address, names)
    said = alone or text.about(mail.words, report.address, names)
    meaning = _meaning(report.diagnostic, said, mail.words if len(names) == 1 else "", status=report.status)
    meaning = _for_now(meaning) if report.action is Action.DELAYED else meaning
    return Recipient(report.address, report.status, report.action, report.diagnostic or said, meaning)


def _for_now(said: Meaning) -> Meaning:
    """A warning is never final, whatever the last try ended with."""
    word = said.reason_sisimai if _tells(said) else "expired"
    return meaning_of(word, said.rule, temporary=True)


def _meaning(diagnostic: str, said: str, words: str, *, status: str = "") -> Meaning:
    """What the server said, else what the notice says of this recipient, else its transcript, else all of its words."""
    command = command_in(said) or command_in(words)
    meaning = classify(diagnostic, enhanced=status, command=command)
    mute = not any(map(str.isalpha, diagnostic)) and _tells(meaning) and not meaning.hard
    for more in (text.remote_lines(words), said, text.spoken_lines(words)):
        if more and not _tells(meaning):
            meaning = classify(more, enhanced=status, command=command)
        elif more and mute:
            worded = classify(more, enhanced=status, command=command)
            if worded.rule.startswith("phrase") and not worded.hard:  # words say more than a code, but never kill
                meaning, mute = worded, False
    if _tells(meaning) or _IN_ITS_WORDS.search(diagnostic or said):
        return meaning
    vague = classify(words, enhanced=status, command=command)
    return vague if _tells(vague) else meaning


def _tells(meaning: Meaning) -> bool:
    """Whether it was said why, and not only that the mail was not taken."""
    return not meaning.rule.startswith(FALLBACKS)


def _by_complaint(mail: _Mail) -> tuple[Kind, Iterable[Recipient], str] | None:
    report = arf.complaint(mail.message, mail.returned) or sns.complaint(mail.message, mail.words)
    if report is None:
        return None
    if not report.is_complaint:
        return Kind.OTHER, (), f"feedback report: {report.kind}"
    told = [Recipient(address, "", "", "", classify("")) for address in report.addresses or ("",)]
    return Kind.COMPLAINT, told, f"feedback report: {report.kind}"


def _by_words(mail: _Mail) -> tuple[Kind, Iterable[Recipient], str] | None:
    evidence = _evidence(mail)
    notice = text.notice(mail.words) if evidence else None
    if notice is None and _needs_no_words(mail, evidence):
        notice = text.unannounced(mail.words)
    if notice is None or _is_lure(notice, mail) or _is_about_us(notice, mail) or _is_good_news(notice, mail):
        return None
    delay = notice.delay or TABLES[Role.DELAY].fits(mail.message.header("subject"))
    if delay and evidence != FAILED_RECIPIENTS and not text.is_final(notice.body):
        return Kind.DELAY, _of_notice(notice, mail, Action.DELAYED), f"words, and {evidence}"
    return Kind.BOUNCE, _of_notice(notice, mail, Action.FAILED), f"words, and {evidence}"


def _needs_no_words(mail: _Mail, evidence: str) -> bool:
    """Whether it is a bounce though its text does not say so in words that we know."""
    if evidence == MAIL_SYSTEM:
        subject = TABLES[Role.SUBJECT].fits(mail.message.header("subject"))
        if text.spoken_lines(mail.words) or mail.returned.headers:
            return True
        return subject and (text.shows_copy(mail.words) or _says_of_whom(mail))
    return evidence == FAILED_RECIPIENTS


def _says_of_whom(mail: _Mail) -> bool:
    """Whether it names somebody, and a reason that is theirs or the way's; or is late, as its subject says."""
    words = text.until_copy(mail.words)
    named = any(not _is_role(each.address, mail) for each in text.unannounced(words).named)
    late = TABLES[Role.DELAY].fits(mail.message.header("subject"))
    return named and (late or (_tells(why := classify(words)) and why.fault in {Fault.RECIPIENT, Fault.NETWORK}))


def _is_lure(notice: Notice, mail: _Mail) -> bool:
    """Whether it is a page without a fact. Crooks play the mail server so, for a link; a server has facts to tell."""
    if any(leaf.kind == "text/plain" for leaf in mail.message.leaves()):
        return False
    named = any(_addressees(mail, notice))
    return not (named or text.spoken_lines(mail.words) or _holds_copy(mail))


def _is_about_us(notice: Notice, mail: _Mail) -> bool:
    """Whether it is about its own reader: that our mailbox fills up, or our password ends. Nobody else is named."""
    if any(_addressees(mail, notice)) or text.spoken_lines(mail.words):
        return False
    names = {named.address.lower() for named in notice.named}
    ours = {address_of(mail.message.header(name)).lower() for name in ("to", "delivered-to")}
    subject = TABLES[Role.SUBJECT].fits(mail.message.header("subject"))
    return names <= ours if names else not (subject or _holds_copy(mail))


def _is_good_news(notice: Notice, mail: _Mail) -> bool:
    """Whether each is told to have the mail, and no server says no."""
    told = notice.named or text.unannounced(mail.words).named
    return bool(told) and all(_TAKEN.match(each.diagnostic) for each in told) and not text.spoken_lines(notice.body)


def _evidence(mail: _Mail) -> str:
    """What beside its words speaks for a bounce, or nothing. A person may quote one; a person is no daemon."""
    message = mail.message
    if message.header("x-failed-recipients"):
        return FAILED_RECIPIENTS
    if _opens_as_bounce(mail):
        return MAIL_SYSTEM
    if _is_personal(message) or automatic.has_absence_subject(message):
        return ""
    if _is_daemon(message):
        return MAIL_SYSTEM
    if message.kind == "multipart/report" and message.parameters.get("report-type", "").lower() in _OF_DELIVERY:
        return "it calls itself a report"
    return "" if _is_somebodys(message) else _hint(mail)


def _opens_as_bounce(mail: _Mail) -> bool:
    """Whether a bounce's words are its very first, though it seems an answer: those of James, or of a list's server."""
    if mail.message.header("x-mlserver") and text.announces_copy(mail.words):
        return TABLES[Role.START].fits(mail.words[:OPENING])
    if not TABLES[Role.START].begins(mail.words):
        return False
    if mail.message.header("x-mlserver"):
        return True
    return _is_daemon(mail.message) and bool(text.spoken_lines(text.until_copy(mail.words)))


def _hint(mail: _Mail) -> str:
    """What shops, help desks and crooks have too: one sign, or two, prove nothing."""
    message = mail.message
    speaks = bool(text.spoken_lines(mail.words))
    copy = _holds_copy(mail)
    null_path = message.header("return-path").strip() == "<>"
    name = TABLES[Role.DAEMON].fits(message.header("from"))
    subject = TABLES[Role.SUBJECT].fits(message.header("subject"))
    says = null_path and subject and text.unannounced(mail.words).listed and _says_of_whom(mail)
    if sum((speaks, copy, null_path, name, subject, says)) >= SIGNS_AT_LEAST:
        return MAIL_SYSTEM if name else "its subject" if subject else "the null return path"
    return "the null return path" if null_path and copy else ""


def _holds_copy(mail: _Mail) -> bool:
    """Whether a copy of our mail is in it. A bounce in it is one that somebody shows us."""
    return not _is_daemon(mail.returned) if mail.returned.headers else text.holds_copy(mail.words)


def _is_somebodys(message: Part) -> bool:
    """Whether it bears what people, lists and answering machines put on their mail. Servers that do have an address."""
    in_a_list = message.header("list-id") or message.header("list-unsubscribe")
    answers = automatic.has_answer_subject(message) or automatic.is_auto_reply(message)
    return bool(in_a_list or answers or _is_threaded(message))


def _is_personal(message: Part) -> bool:
    """Whether somebody answers or shows us a mail, be it the postmaster. Daemons write no `Re:` within a thread."""
    return automatic.has_answer_subject(message) and (not _is_daemon(message) or _is_threaded(message))


def _is_daemon(message: Part) -> bool:
    """Whether its address says so. A name is easily borrowed, and counts only where there is no address."""
    sender = message.header("from")
    return sender.strip() == "<>" or TABLES[Role.DAEMON].fits(address_of(sender) or sender)


def _is_threaded(message: Part) -> bool:
    return bool(message.header("in-reply-to") or message.header("references"))


def _of_notice(notice: Notice, mail: _Mail, action: Action) -> Iterable[Recipient]:
    said = {named.address: named.diagnostic for named in notice.named}
    addresses = _addressees(mail, notice)
    alone = len(addresses) == 1
    for address in addresses:
        words = said.get(address) or text.about(mail.words, address, addresses)
        meaning = _meaning("", words, notice.body if alone else "")
        if (
            alone and not _tells(meaning) and not _IN_ITS_WORDS.search(words)
        ):  # some show the transcript before they say what it came to
            whole = text.until_copy(mail.words)
            before = _meaning(text.spoken_lines(whole), whole, "")
            meaning = before if _tells(before) else meaning
        if not alone and not _tells(meaning) and not text.spoken_lines(words):  # said once, above the list
            shared = classify(text.until_named(notice.body))
            meaning = shared if _tells(shared) else meaning
        if not alone and not _tells(meaning):  # a transcript below the list tells of each
            meaning = _meaning("", text.lines_about(notice.body, address), "")
        if meaning.hard:  # a mailbox that is said to be closed, or full, was there
            above = classify(text.last_sentence(text.until_named(text.until_copy(mail.words), of_all=not alone)))
            meaning = above if above.fault is Fault.RECIPIENT and not above.hard and _tells(above) else meaning
        meaning = _for_now(meaning) if action == Action.DELAYED else meaning
        yield Recipient(address, _status(words), action, words, meaning)


def _addressees(mail: _Mail, notice: Notice) -> Sequence[str]:
    """Who the notice is about: whom it names and our copy went to, else what a header says outright, else its names."""
    named = [each.address for each in notice.named]
    headers = "\n".join(value for name, value in mail.message.headers if name == FAILED_RECIPIENTS.lower())
    failed = [found["address"] for found in islice(mime.ADDRESS.finditer(headers), RECIPIENTS_AT_MOST)]
    ours = _written_to(mail)
    lower = {address.lower() for address in ours}
    known = [address for address in named if address.lower() in lower]
    if failed and not (known and lower.isdisjoint(map(str.lower, failed))):
        return tuple(dict.fromkeys(failed))[:RECIPIENTS_AT_MOST]
    people = _told_of(notice, known, mail) if known else [address for address in named if not _is_role(address, mail)]
    if not notice.listed:  # within the sentences others are spoken of, too
        people = people[:1]
    return tuple(people or _local_names(mail, notice) or ours[:1] or [""])


def _told_of(notice: Notice, known: Sequence[str], mail: _Mail) -> list[str]:
    """Those and whoever else heads a line and is told why: a copy shows one name of many, the list shows them all."""
    told: list[str] = []
    for run in text.runs(notice.named):
        ours = notice.listed and any(each.address in known for each in run)
        others = [each for each in run if notice.listed and not _is_role(each.address, mail)]
        whose = others if ours else [each for each in others if _is_told_why(each, notice)]
        told += [each.address for each in run if each.address in known or each in whose]
    return told


def _is_told_why(named: Named, notice: Notice) -> bool:
    words = (named.diagnostic, text.lines_about(notice.body, named.address))
    return any(_tells(classify(each)) for each in words)


def _local_names(mail: _Mail, notice: Notice) -> Sequence[str]:
    """Whom a server names without its own domain, which is that of its address."""
    domain = address_of(mail.message.header("from")).rpartition("@")[2]
    names = text.local_names(notice.body) if domain and _is_daemon(mail.message) else ()
    return [f"{name}@{domain}" for name in names]


def _written_to(mail: _Mail) -> list[str]:
    """The recipients in the returned copy's own headers, wherever that copy is."""
    headers = [value for name, value in mail.returned.headers if name in {"to", "cc"}]
    lines = headers or [found[1] for found in islice(_TO_LINE.finditer(mail.words), TO_LINES_AT_MOST)]
    found = (address for line in lines for address in addresses_of(line))
    return list(islice(found, RECIPIENTS_AT_MOST))


def _is_role(address: str, mail: _Mail) -> bool:
    """Whoever runs the server, the bounce's own sender, or ourselves."""
    envelope = (address_of(mail.message.header(name)).lower() for name in ("from", "to", "delivered-to"))
    return address.partition("@")[0].lower() in _ROLES or address.lower() in set(envelope)


def _status(words: str) -> str:
    found = dsn.STATUS.search(words)
    return found[1] if found else ""


def _by_habit(mail: _Mail) -> tuple[Kind, Iterable[Recipient], str]:
    if automatic.is_challenge(mail.words):
        return Kind.OTHER, (), "challenge"
    if automatic.is_auto_reply(mail.message):
        return Kind.AUTO_REPLY, (), "automatic answer"
    if _is_threaded(mail.message) or automatic.has_answer_subject(mail.message):
        return Kind.REPLY, (), "an answer"
    return Kind.OTHER, (), "nothing that we know"


def _returned_id(mail: _Mail) -> str:
    """Our signed id in the copy: its header, or a line of the text where the copy is pasted into that."""
    header = mail.returned.header(ID_HEADER.lower()).strip()
    if header:
        return header
    found = _ID_LINE.search(mail.words)
    return found[1] if found else ""
