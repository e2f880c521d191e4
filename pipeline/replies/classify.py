"""A reply in, its meaning out: `providers.tsv`, then `rules.tsv`, each from top to bottom; the first row that fits."""

import re
from dataclasses import dataclass, replace
from typing import Final

from pipeline.replies.reasons import DEAD, Meaning, meaning
from pipeline.replies.rules import Rule, folded, rules

TEXT_AT_MOST: Final = 4000  # characters; a reply that takes longer to say no is not read to its end

_ADDRESS: Final = re.compile(r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]{1,128}@[\w.-]{1,255}")
_URL: Final = re.compile(r"\bhttps?:[^\s>]{1,2000}", re.IGNORECASE)
_TELLING_SITE: Final = re.compile(
    r"openspf|spamhaus|spamcop|sorbs|barracudacentral|abuseat|uceprotect|mail-abuse|\bdnsbl\b|\brbl\b|block-?list"
    r"|blacklist",
    re.IGNORECASE,
)
"""Whose link says of itself what is wrong: a list that we are on, or the check that we fail."""
_HOST: Final = re.compile(
    r"(?<!client )\bhost (?:[\w.-]{1,255} ?\[[\d.:a-f]{3,45}\]"
    r"|'?[\w-]{1,63}\.[\w.-]{1,190}'?:? (?=rejected|said|says|returned|responded|replied|refused))"
    r"|(?:(?<=connection refused by )|(?<=timed out with )|(?<=lost connection with ))[\w-]{1,63}\.[\w.-]{1,190}"
    r"|\(domain [\w.-]{1,255}\) reports:",
    re.IGNORECASE,
)
"""The name of a server says nothing: antispam.x.test may say whatever it wants."""
_CODES: Final = re.compile(r"(?<![\w.])[245]\d\d(?:[ -]+#?[245]\.\d{1,3}\.\d{1,3}(?![\d.]))?[ -]")
_CODE: Final = re.compile(r"(?<![\w.:/-])([45]\d\d)(?=[ -])")
_ENHANCED: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_CJK_BREAK: Final = re.compile(r"(?<=[\u3000-\u30ff\u3400-\u9fff])\s+(?=[\u3000-\u30ff\u3400-\u9fff])")
_ANSWERED: Final = re.compile(
    r"(?:(?:reply|response) to|after|did not like our) (?:the |pipelined )?"
    r"(initial connection|initial server greeting|[he][he]lo|lhlo|mail from|rcpt to|(?:end of |final )?data)\b"
)
_SENT_DATA: Final = re.compile(
    r">>> data\s{1,8}<<< 5(?!03)(?!.{0,1500}<<< (?:503|554 (?:5\.5\.1 )?.{0,20}no valid recip))"
)
"""A transcript in which the message itself was refused. One that ends so had sent DATA along with the names."""
_COMMANDS: Final = {
    "initial connection": "CONNECT", "initial server greeting": "CONNECT", "refused to talk": "CONNECT",
    "name was rejected": "CONNECT", "[connect]": "CONNECT",
    "helo": "HELO", "ehlo": "HELO", "lhlo": "HELO", "[helo]": "HELO", "[ehlo]": "HELO",
    "mail from": "MAIL", "sender was rejected": "MAIL", "[mail_from]": "MAIL", "smtp command mail": "MAIL",
    "rcpt to": "RCPT", "does not like recipient": "RCPT", "[rcpt_to]": "RCPT", "smtp command rcpt": "RCPT",
    "smtp:rcpt": "RCPT",
    "data": "DATA", "final data": "DATA", "end of data": "DATA", "after i sent": "DATA", "[data]": "DATA",
    "(state 13)": "MAIL", "(state 14)": "RCPT", "(state 15)": "DATA", "(state 17)": "DATA", "(state 18)": "DATA",
    "[body]": "DATA", "smtp command data": "DATA", "smtp:data": "DATA",
}  # fmt: skip
"""How Postfix, Exim, qmail, DragonFly's agent, Google, Yahoo, m-FILTER and others tell which command was answered."""
_MARKS: Final = tuple(
    words for words in _COMMANDS if words not in {"helo", "ehlo", "lhlo", "mail from", "rcpt to", "data"}
)
"""What tells it without further words around."""
_FOR_NOW: Final = re.compile(
    r"temporar|try (?:again )?later|retry later|in a few minutes|vorübergehend|später erneut|temporaire|временн|позже"
    r"|일시적|잠시 후|一時的|しばらく|暂时|暫時|稍后|稍後"
    r"|\b(?:said|says|returned|responded|replied):? 4\d\d[ -]",
    re.IGNORECASE,
)
"""What is said for now only, by this server or the one behind it: an address that was not found so may yet be there."""
_UNQUOTED: Final = str.maketrans({"’": "'", "_": " ", **dict.fromkeys('<>"`“”„«»「」『』', "")})
_HOLLOW: Final = re.compile(
    r"unknown address error|other or undefined [a-z ]{1,20}status|other (?:address|mail system) (?:status|problem)"
    r"|unknown (?:temporary|permanent) failure|remote protocol error|\.\.\. service unavailable"
    r"|user and password not set, continuing without authentication|(?:permanent |transient non-)fatal errors"
    r"|remote host said:|because the (?:remote|recipient) server is misconfigured"
    r"|\bsuccessful(?:ly)?\b"
    r"|recipients?(?:\(s\))? (?:can|could)(?: ?not|n't) be reached"
    r"|some mail systems refuse messages with [a-z ,\n]{1,60}too large"
    r"|rejected by the (?:server for the )?recipient domain"
    r"|(?:scanned|checked|swept|screened) (?:by [a-z ]{1,40})?for (?:[a-z]{1,20} ){0,5}virus(?:es)?|virus[ -]free"
    r"|vom server der empf[äa]ngerdomain \S{1,255} abgelehnt"
)
"""What mailers (Cisco's, Sendmail's, qmail's, Google's) and footers write around any reply at all: it says nothing."""


_SUPPOSED: Final = re.compile(
    r"(?:\b(?:possible|probable|likely|common) (?:reasons?|causes?|explanations?)"
    r"|\b(?:mogliche|moegliche|haufige) (?:ursache|grunde|gruende|fehlerursache)|\b(?:causes?|raisons?) possibles?"
    r"|\bpos(?:ibles|siveis) (?:causas|razones|razoes|motivos)|\bpossibili (?:cause|motivi|ragioni)"
    r"|\bmogelijke (?:oorza|reden)|\bmozliwe przyczyny|возможн\w{1,4} причин"
    r"|가능한 (?:원인|이유)|考えられる(?:原因|理由)|可能的?(?:原因|理由)"
    r"|\b(?:this|it) (?:may|might|can|could) (?:be|happen|occur|mean)"
    r"|\b(?:check|verify|ensure|make sure|confirm) (?:that|whether|if)\b|\b(?:if|whether) (?:the|this|your|a)"
    r" (?:recipient|user|host|domain|mailbox|address|account|e-?mail))[^.!?。]{0,300}"
    r"|(?:^|(?<=[.!?。:：]))[^.!?。:：]{0,80}(?:可能性があります|恐れがあります|수 있습니다)"
)
"""What is only thought of: help for whoever reads it, and not what happened."""

FALLBACKS: Final = ("code 4xx", "nothing matched")
"""How the rule of a meaning begins for which no row was found: more words may tell more."""

_UNCLEAR: Final = frozenset({"onhold", "undefined"})
_ABOUT_US: Final = frozenset({"userunknown", "hasmoved", "hostunknown", "filtered"}) | _UNCLEAR
_BARE_POLICY: Final = "policyviolation by its code alone"
_STAND_FOR: Final = (
    ({"CONNECT", "HELO", "EHLO"}, _ABOUT_US | {"policyviolation", _BARE_POLICY, "securityerror"}, "blocked"),
    ({"MAIL"}, _ABOUT_US | {"notaccept", _BARE_POLICY}, "rejected"),
    ({"DATA"}, {"userunknown"}, "filtered"),
)
"""In answer to these commands, what says one of these words means another."""
_OF_THE_SENDER: Final = re.compile(
    r"\bsend(?:er|ing)|\bfrom:? (?:address|line|field|header)|\bmail from\b|\b(?:return|reverse)[- ]path\b"
    r"|\breverse[- ](?:dns|lookup)|\b[he][he]lo\b|\bclient\b|\bptr\b|\boriginat"
    r"|\byour (?:e-?mail )?(?:domain|host|server|address|ip|mail server|account)\b"
    r"|absender|expediteur|remitente|mittente|remetente|nadawc|отправител|발신|송신자|보낸|送信者|差出人|送信元|发件|發件|寄件"
    r"|发信|發信|\byou are not\b|\b(?:allow|white|safe)[- ]?list"
    r"|\bcertificat|zertifikat|证书|證書|証明書|인증서"
)
_OF_THE_RECIPIENT: Final = re.compile(
    r"recipient|rcpt|addressee|destinat|receiver|to: |empf|odbiorc|adresat|получател|адресат|수신|받는|受信|宛先|收件"
)
_DESTINATION: Final = re.compile(r"5\.1\.(?:[12346]|10)\Z")
"""Codes that speak of the recipient's address (RFC 3463 section 3.2, RFC 7505)."""
_LOOKED_UP_LAST: Final = "delivery error: dd"
"""How Yahoo's refusals of a message begin that are about its recipient: it looks names up no earlier."""


@dataclass(frozen=True, slots=True)
class _Reply:
    words: str
    """Lower case, one line; addresses stand as `@`, links and codes are left out."""
    code: int | None
    enhanced: str
    temporary: bool
    command: str


def classify(text: str, *, code: int | None = None, enhanced: str = "", command: str = "") -> Meaning:
    """Say what a reply means. In doubt the answer is soft: it may be wrong to keep a reader, never fatal.

    `text` is the reply in its own words, `code` the SMTP code (550), `enhanced` the RFC 3463 code (5.1.1),
    `command` the SMTP verb that was answered (MAIL, RCPT, DATA, or `.` for the message itself). What is not given
    is looked for in the text. Time is linear in the text, of which the first 4,000 characters count.
    """
    reply = _read(text[:TEXT_AT_MOST], code, enhanced, command)
    certain = _SUPPOSED.sub(" ", reply.words)
    rule = rules().first(certain, code=reply.code, enhanced=reply.enhanced)
    if rule is None and certain != reply.words and (rule := rules().first(reply.words, code=None, enhanced="")):
        reply = replace(reply, temporary=True)
    return _weigh(rule or _unmatched(reply), reply)


def command_in(text: str) -> str:
    """The command that was answered, as a bounce tells it: CONNECT, HELO, MAIL, RCPT, DATA; or an empty text."""
    words = " ".join(text.lower().split())
    found = _ANSWERED.search(words)
    mark = found[1] if found else next((mark for mark in _MARKS if mark in words), "")
    return _COMMANDS.get(mark, "") or ("DATA" if _SENT_DATA.search(words) else "")


def _unmatched(reply: _Reply) -> Rule:
    if reply.temporary:
        return Rule("systemerror", FALLBACKS[0])
    return Rule("onhold" if reply.words or reply.code else "undefined", FALLBACKS[1])


def enhanced_in(text: str) -> str:
    """The RFC 3463 code in a server's words (`5.1.1`); empty when there is none."""
    codes = [found[1] for found in _ENHANCED.finditer(text[:TEXT_AT_MOST])]
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else "")


def _weigh(rule: Rule, reply: _Reply) -> Meaning:
    """Nobody was named before RCPT, so a server refuses us there; after DATA "unknown" is a filter's word."""
    said = _BARE_POLICY if rule.code and rule.word == "policyviolation" else rule.word
    command = "" if reply.command == "DATA" and _LOOKED_UP_LAST in reply.words else reply.command
    word = next((then for commands, words, then in _STAND_FOR if command in commands and said in words), "")
    name = f"{rule.name} after {reply.command}" if word else rule.name
    if (word or rule.word) in DEAD and _is_of_the_sender(reply):
        word, name = "rejected", f"{rule.name}, said of the sender"
    return meaning(word or rule.word, name, temporary=reply.temporary)


def _is_of_the_sender(reply: _Reply) -> bool:
    """Whether somebody is unknown who need not be the reader: the words speak of the sender and of no recipient."""
    told = _DESTINATION.match(reply.enhanced) or _OF_THE_RECIPIENT.search(reply.words)
    return not told and _OF_THE_SENDER.search(reply.words) is not None


def _read(text: str, code: int | None, enhanced: str, command: str) -> _Reply:
    if code is None and (found := _CODE.search(text)):
        code = int(found[1])
    enhanced = _enhanced(text, enhanced)
    return _Reply(
        words=_plain(text),
        code=code,
        enhanced=enhanced,
        temporary=enhanced.startswith("4.") or (code is not None and 400 <= code < 500) or _says_for_now(text),
        command={".": "DATA"}.get(command, command.upper()) or command_in(text),
    )


def _says_for_now(text: str) -> bool:
    return _FOR_NOW.search(text) is not None


def _enhanced(text: str, given: str) -> str:
    """The server's own code says more than a report's summary of it, unless it is one of the x.0.0 kind."""
    return next((found[1] for found in _ENHANCED.finditer(text) if not found[1].endswith(".0.0")), given)


def _site(link: re.Match[str]) -> str:
    told = _TELLING_SITE.search(link[0])
    return f" [see {told[0]}] " if told else " "


def _plain(text: str) -> str:
    text = _HOST.sub(" ", _URL.sub(_site, _ADDRESS.sub("@", text)))
    if first := _CODES.search(text):
        text = f"{text[: first.start()]} ^{_CODES.sub(' ', text[first.end() :])}"
    words = _HOLLOW.sub(" ", " ".join(folded(text.lower()).translate(_UNQUOTED).split()))
    return _CJK_BREAK.sub("", words)
