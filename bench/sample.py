"""The sample issue and made-up readers, as the benchmarks use them."""

from email.message import EmailMessage
from pathlib import Path

from pipeline.content import issuefile
from pipeline.content.compile import compile_issue
from pipeline.content.types import Compilation, IssueDocument, NewsletterProfile, Site

FILE = Path(__file__).parent.parent / "docs" / "sample" / "issue-20.en.md"
SITE = Site("https://news.smartcity.example", "bounces.smartcity.example", "smartcity.example")
TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefgh"
VALUES = {
    "to": '"Ada Stone" <ada@sejong.example>',
    "date": "Sun, 22 Nov 2026 09:00:00 +0000",
    "message_id": f"<{TOKEN}@smartcity.example>",
    "email": "ada@sejong.example",
    "first_name": "Ada",
    "last_name": "Stone",
    "name": "Ada Stone",
    "language": "en",
    "token.unsubscribe": TOKEN,
    "token.view": TOKEN,
    "token.id": TOKEN,
}


def parsed() -> tuple[IssueDocument, NewsletterProfile]:
    found = issuefile.parse(FILE.read_text(encoding="utf-8"), source=FILE.name)
    assert found.newsletter
    return found.document, found.newsletter


def compiled() -> Compilation:
    return compile_issue(*parsed(), SITE, nonce="benchmarknonce")


def by_the_standard_library(html: str, text: str) -> bytes:
    """The same message as email.message makes it."""
    message = EmailMessage()
    for name, key in (("To", "to"), ("Date", "date"), ("Message-ID", "message_id")):
        message[name] = VALUES[key]
    message["From"] = "Smart City Issue <newsletter@smartcity.example>"
    message["Subject"] = "Smart City Issue No. 20"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()
