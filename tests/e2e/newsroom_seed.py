"""Run as a program inside a house: fills it with a newsroom for the browser, and prints what the tests need to know."""

import json
import sys
from dataclasses import replace

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402
from newsroom import (  # noqa: E402 (Django first)
    DOCUMENT,
    a_list,
    a_newsletter,
    a_reader,
    a_send,
    a_user,
    an_issue,
    delivery_of,
    unsubscribe_token,
)

from pipeline import transitions  # noqa: E402
from pipeline.content.types import Article, Citation, Facts, Heading, Paragraph, Picture, Quote, Section  # noqa: E402
from pipeline.feedback.apply import take_in  # noqa: E402
from pipeline.keys import keyring  # noqa: E402
from pipeline.models import Delivery, TrackedLink  # noqa: E402
from pipeline.sending import make_proof  # noqa: E402
from pipeline.tokens import Purpose  # noqa: E402
from pipeline.transitions import correct_edition, publish_edition  # noqa: E402

VECTORS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "</p><iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--[if mso]><script>alert(1)</script><![endif]-->",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "<mj-raw><script>alert(1)</script></mj-raw>",
    "<mj-include path='/etc/passwd' />",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<object data='javascript:alert(1)'></object>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    '\\"><script>alert(1)</script>',
    "{% raw %}<script>alert(1)</script>{% endraw %}",
    "{{{{7*7}}}}".replace("{{{{", "{ {").replace("}}}}", "} }"),
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "＜script＞alert(1)＜/script＞",
]


BOUNCE = """From: MAILER-DAEMON@reader.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.reader.example

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 mailbox full {words}
--b--
"""


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def hostile_issue(newsletter):
    blocks = tuple(
        block
        for text in VECTORS
        for block in (
            Paragraph(escaped(text)),
            Heading(text),
            Facts(((text, escaped(text)),)),
            Quote(escaped(text), text),
            Citation(escaped(text)),
            Picture("https://example.org/a.png", text.replace("<!--", "<! --"), text, text),
        )
    )
    sections = tuple(Section(text, (Article(text, blocks if n == 0 else (), text),)) for n, text in enumerate(VECTORS))
    return an_issue(newsletter, replace(DOCUMENT, number=99, title=VECTORS[0], sections=sections))


def tracked_links(issue) -> TrackedLink:
    """Hostile texts, an address that breaks nowhere, a link that was repaired; the last one made."""
    long = "https://example.org/" + "a" * 300
    for n, text in enumerate(VECTORS[:6], 2):
        TrackedLink.objects.create(key=f"{n:b>16}", issue=issue, position=n, url=long, target=long, text=text)
    link = TrackedLink.objects.create(
        key="k" * 16, issue=issue, position=1, url=long, target=long, text="Look at the bridge", clicks=12_345
    )
    transitions.repair_link(link.pk, was=long, target="https://example.org/bridge", actor="bo", why=VECTORS[0])
    return link


def came_back(send) -> int:
    """Hostile words of servers: refused at once, returned by mail, and forged, of which this is one."""
    grant = transitions.open_lease(send.pk, owner="seed:1:2", host="seed:1:", wanted=1, at_most=100, siblings=100)
    claimed = transitions.claim(send.pk, lease_id=grant.lease_id, most=80)
    transitions.mark_in_flight(send.pk, lease_id=grant.lease_id, claimed=claimed)
    replies = [("no-such-mailbox", f"550 5.1.1 user unknown {text} \u202egpj" + "x" * 900) for text in VECTORS]
    replies += [("policy", "554 5.7.1 spam")] * 9
    answers = [
        transitions.Marked(one.id, one.fence, "rejected", *replies[number], counts=True, due_at=None)
        if number < len(replies)
        else transitions.Marked(one.id, one.fence, "accepted", "taken", "250 Ok", counts=True, due_at=None)
        for number, one in enumerate(claimed)
    ]
    transitions.record(send.pk, answers)
    for one in claimed[len(replies) : -20]:
        raw = BOUNCE.format(address=one.email, words=VECTORS[one.id % len(VECTORS)]).encode()
        token = keyring().sign(Purpose.RETURN_PATH, send.pk, one.id)
        to = f"b-{token}@{settings.BOUNCE_DOMAIN}"
        take_in(raw, source="smtp", envelope_to=to, envelope_from="", now=timezone.now())
    raw = BOUNCE.format(address="a" * 200 + "@example.com", words=" ".join(VECTORS)).encode()
    return take_in(raw, source="smtp", envelope_to="x@y.example", envelope_from="", now=timezone.now()).pk


def main() -> None:
    newsletter = a_newsletter()
    readers = a_list(newsletter)
    kim = a_reader("kim@example.com", readers, first_name="Kim", language="en")
    lee = a_reader("lee@example.com", readers, language="ko")
    evil = a_reader("evil@example.com", readers, first_name=VECTORS[0])
    for n in range(120):
        a_reader(f"reader{n}@example.com", readers)
    a_user("bo", superuser=True)
    a_user("ada", group="Editors")
    issue, hostile = an_issue(newsletter), hostile_issue(newsletter)
    send, evil_send = a_send(issue, readers), a_send(hostile, readers)
    proof, hostile_proof = make_proof(issue), make_proof(hostile)
    publish_edition(proof, by="ada")
    publish_edition(hostile_proof, by="ada")
    correct_edition(hostile_proof, note=" ".join(VECTORS), by="ada")
    told = {
        "forged": came_back(evil_send),
        "returned": Delivery.objects.filter(send_id=evil_send.pk).exclude(bounced_at=None).first().subscriber_id,
        "proof": proof.pk,
        "issue": issue.pk,
        "hostile": hostile.pk,
        "send": send.pk,
        "evil_send": evil_send.pk,
        "leave": f"/u/{unsubscribe_token(kim, newsletter, delivery_of(send, kim))}",
        "leave_ko": f"/u/{unsubscribe_token(lee, newsletter)}",
        "view": f"/v/{keyring().sign(Purpose.VIEW, evil_send.pk, delivery_of(evil_send, evil).id)}",
        "hostile_edition": "/read/city/99/en",
        "evil": evil.pk,
        "link": tracked_links(issue).pk,
    }
    sys.stdout.write("\n" + json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
