"""An issue becomes a proof: the whole chain, read top to bottom."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.content import (
    headers,
    inline,
    layout,
    links,
    lint,
    merge,
    message,
    mjml,
    parity,
    plaintext,
    preflight,
    walk,
)
from pipeline.content.card import card_of
from pipeline.content.sizes import with_heights
from pipeline.content.slots import SlotTable
from pipeline.content.tracking import LinkTable, Tracking
from pipeline.content.types import (
    Compilation,
    ContentError,
    Context,
    IssueDocument,
    NewsletterProfile,
    PictureUse,
    PublicPicture,
    Site,
    Slot,
)

_BASE_URL = re.compile(
    r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?|https?://\[[0-9a-f:]+\](?::[0-9]+)?"
)


def compile_issue(
    document: IssueDocument,
    newsletter: NewsletterProfile,
    site: Site,
    *,
    nonce: str,
    layouts: Path | None = None,
    pictures: Mapping[PictureUse, PublicPicture] | None = None,
    tracking: Tracking | None = None,
) -> Compilation:
    """Compile an issue for every reader at once; the same arguments give the same bytes.

    `nonce`: 8 to 64 letters and digits that nobody who writes the issue can know (random in production).
    `layouts`: a folder of own layouts, looked in first. `pictures`: what the mail shows for each use of a
    picture; a relative one that is not in it blocks, and without them, as in a sketch, becomes
    `{base_url}/pictures/{src}`. `tracking`: where links may go through the redirect, if the newsletter says so; without
    it they stay direct.

    Findings, blocking ones too, are returned and the caller decides. Raises ContentError for what cannot be compiled
    at all: broken merge tags or inline HTML, a nonce that occurs in the issue, a layout that does not work.
    """
    findings = (*preflight.check(document, newsletter), *preflight.check_pictures(document, pictures))
    slots = SlotTable(nonce)
    _refuse_nonce(document, newsletter, nonce=nonce)
    _check_site(site)
    table = LinkTable(document, newsletter, site=site, slots=slots, tracking=tracking)
    ink = layout.Ink(slots, site, pictures or {}, table)

    page = layout.render(document, newsletter, ink=ink, layouts=layouts)
    lint.refuse(page)
    html = with_heights(mjml.to_html(page.mjml), ink.pictures.values())
    html = inline.inline(html, page.css.text, found=slots.found)
    text = plaintext.render(document, newsletter, ink=ink, layouts=layouts)

    proof = message.seal(
        _fields(document, newsletter, site),
        text=slots.split(text),
        html=slots.split(html),
        nonce=nonce,
        language=document.language,
        subject=document.subject,
        links=links.of(document),
        layout=newsletter.layout,
    )
    card = card_of(document, newsletter, ink=ink)
    html, text = slots.readable(html, escaped=True), slots.readable(text)
    made = Compilation(proof, html, text, findings, card, table.redirects())
    weighed = preflight.weigh(made, document, newsletter, pictures=ink.pictures)
    unequal = parity.check(document, newsletter, html=html, text=text, wire=lambda url: slots.readable(ink.href(url)))
    return replace(made, findings=(*findings, *weighed, *unequal))


def _refuse_nonce(document: IssueDocument, newsletter: NewsletterProfile, *, nonce: str) -> None:
    texts = [field.value for field in walk.fields(document)]
    if any(nonce in text for text in (*texts, newsletter.name, newsletter.postal_address)):
        raise ContentError("the text of the issue holds the secret of this compile; compile it again")


def _check_site(site: Site) -> None:
    if not _BASE_URL.fullmatch(site.base_url):
        raise ContentError(f"{site.base_url!r} is not an address such as https://news.example.org, without a final /")
    for name in (site.bounce_domain, site.message_id_domain):
        if not headers.is_address(f"x@{name}"):
            raise ContentError(f"{name!r} is not a domain name")


def _fields(document: IssueDocument, newsletter: NewsletterProfile, site: Site) -> list[bytes | Slot]:
    """The header fields of an issue, in the order in which they go out."""
    reply_to = newsletter.reply_to or newsletter.sender_address
    fields: list[bytes | Slot] = []
    fields += [b"Date: ", Slot("date", Context.HEADER), b"\r\n"]
    fields += [_field("From", _mailbox(newsletter, "From"))]
    fields += [_field("Reply-To", headers.address("", reply_to))]
    fields += [b"To: ", Slot("to", Context.HEADER), b"\r\n"]
    fields += _subject(document.subject)
    fields += [b"Message-ID: ", Slot("message_id", Context.HEADER), b"\r\n"]
    fields += [_field("MIME-Version", "1.0")]
    fields += [_field("List-Id", _list_id(newsletter, site))]
    fields += _list_unsubscribe(site)
    fields += [_field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]
    fields += [_field("List-Help", headers.listed([f"mailto:{reply_to}?subject=help"]))]
    fields += [_field("Precedence", "list")]
    fields += [_field("X-Auto-Response-Suppress", "OOF, AutoReply")]
    fields += [_field("Feedback-ID", _feedback_id(document, newsletter, site))]
    fields += [b"X-Pressrun-Id: ", Slot("token.id", Context.HEADER), b"\r\n"]
    return fields


def _field(name: str, value: str) -> bytes:
    return headers.field(name, value).encode("ascii")


def _mailbox(newsletter: NewsletterProfile, name: str) -> str:
    display = headers.HeaderText(newsletter.sender_name)
    return headers.address(display, newsletter.sender_address, used=len(name) + 2)


def _subject(subject: str) -> list[bytes | Slot]:
    text = headers.HeaderText(subject)
    if any(isinstance(part, merge.Tag) for part in merge.parse(text.text)):
        return [b"Subject: ", Slot("subject", Context.HEADER_TEXT, template=text.text), b"\r\n"]
    return [_field("Subject", headers.unstructured(text, used=len("Subject: ")))]


def _list_id(newsletter: NewsletterProfile, site: Site) -> str:
    """RFC 2919. The phrase is left out when it would have to be encoded; the id never changes."""
    name, identity = headers.HeaderText(newsletter.name).text, f"<{newsletter.slug}.{site.message_id_domain}>"
    plain = re.fullmatch("[A-Za-z0-9 ,.'-]{1,60}", name)
    return f'"{name}" {identity}' if plain else identity


def _list_unsubscribe(site: Site) -> list[bytes | Slot]:
    """RFC 8058 section 3.1: the https address first, one field, nothing encoded."""
    token = Slot("token.unsubscribe", Context.HEADER)
    https, mail = f"List-Unsubscribe: <{site.base_url}/u/", f"@{site.bounce_domain}>\r\n"
    return [https.encode("ascii"), token, b">,\r\n <mailto:u-", token, mail.encode("ascii")]


def _feedback_id(document: IssueDocument, newsletter: NewsletterProfile, site: Site) -> str:
    """Gmail's: three fields of ours, then who sends, 5 to 15 characters, always the same."""
    sender = re.sub("[^A-Za-z0-9]", "", site.message_id_domain)[-15:].rjust(5, "x")
    return f"{document.number}-{document.language}:{newsletter.slug}:issue:{sender}"
