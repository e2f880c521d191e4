"""What the recording relay (`relay.py`) offers, demands and answers."""

import re
import ssl
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KEYWORDS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN")
YES = {"connect": "220 relay.test ESMTP", "mail": "250 2.1.0 Ok", "rcpt": "250 2.1.5 Ok", "data": "354 Go ahead"}


@dataclass
class Behaviour:
    """What this relay offers, how long it takes, and where it misbehaves."""

    keywords: Sequence[str] = KEYWORDS
    delay: float = 0.0
    eager: bool = False
    """Answers DATA with 354 although no recipient was valid, as RFC 2920 section 3.1 allows."""
    bytewise: bool = False
    """Sends each byte of a reply by itself."""
    tls: ssl.SSLContext | None = None
    """Speaks TLS from the first byte."""
    starttls: ssl.SSLContext | None = None
    """Offers STARTTLS, and takes no mail without it."""
    login: str = ""
    """`user:password`: takes no mail without it, and no AUTH in the clear if there is STARTTLS."""
    script: Mapping[str, Any] = field(default_factory=dict)
    _asked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def offers(self, *, secure: bool) -> list[str]:
        """The keywords of EHLO."""
        more = ["STARTTLS"] if self.starttls and not secure else []
        return [*self.keywords, *more, *(["AUTH PLAIN"] if self.login and (secure or not self.starttls) else [])]

    def objection(self, *, secure: bool, known: bool) -> str:
        """Why no mail is taken from this client yet, or nothing."""
        if self.starttls and not secure:
            return "530 5.7.0 Must issue a STARTTLS command first"
        return "530 5.7.0 Authentication required" if self.login and not known else ""

    def knows(self, argument: bytes) -> bool:
        """Whether this is the argument of the right AUTH PLAIN."""
        _, _, given = argument.partition(b" ")
        return given == b64encode(("\0" + self.login.replace(":", "\0", 1)).encode())

    def answer(self, phase: str, address: str = "") -> str:
        """What to say now, by the script or else yes (nothing for the dot)."""
        rules = self.script.get(phase, {})
        for pattern, answers in ({"": rules} if isinstance(rules, list) else rules).items():
            if re.search(pattern, address):
                return answers[min(self._attempt(phase, pattern, address), len(answers)) - 1]
        return self._cut(phase, address) or YES.get(phase, "")

    def _cut(self, phase: str, address: str) -> str:
        places = {"dot": {"after_dot": "keep+cut", "before_keeping": "cut"}, "body": {"mid_body": "cut"}}
        for place, answer in places.get(phase, {}).items():
            for pattern in self.script.get("cut", {}).get(place, ()):
                if re.search(pattern, address) and self._attempt(place, pattern, address) == 1:
                    return answer
        return ""

    def _attempt(self, phase: str, pattern: str, address: str) -> int:
        with self._lock:
            self._asked[phase, pattern, address] += 1
            return self._asked[phase, pattern, address]
