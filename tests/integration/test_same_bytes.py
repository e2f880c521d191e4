"""What an editor previews, tests, publishes and sends is one and the same: byte for byte outside of the slots."""

import email
import email.policy
from pathlib import Path

import pytest
from django.test import Client, RequestFactory
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue, delivery_of
from relay import Behaviour, Ledger, RelayServer
from segments import slots_of_html, slots_of_message

from pipeline.content import message
from pipeline.content.types import Proof as Segments
from pipeline.delivery.batch import Worker, run_batch
from pipeline.delivery.sweep import sweep
from pipeline.delivery.testsend import MARK, send_test
from pipeline.keys import keyring
from pipeline.models import Issue, Proof, Send, Transport
from pipeline.sending import file_issue, make_proof
from pipeline.staff import preview
from pipeline.tokens import Purpose
from pipeline.transitions import publish_edition

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLE = Path(__file__).parents[2] / "docs" / "sample"


class Desk:
    """An issue that was previewed, tested, published and sent; one reader."""

    def __init__(self, issue: Issue, folder: Path, server: RelayServer) -> None:
        Transport.objects.create(name="default", url=f"smtp://127.0.0.1:{server.port}?starttls=never")
        self.issue, self.folder = issue, folder
        self.proof: Proof = make_proof(issue)
        self.segments: Segments = message.load(bytes(self.proof.packed))
        readers = a_list(issue.newsletter)
        self.kim = a_reader("kim@example.com", readers, first_name="Kim", language=issue.language)
        send_test(self.proof, ["ann@example.com"], actor="ada")
        self.test = self.taken()
        self.send = self.sent(a_send(issue, readers))
        self.mail = self.taken()
        self.edition = publish_edition(self.proof, by="ada")

    def sent(self, send: Send) -> Send:
        while send.pk in sweep():
            run_batch(send.pk, Worker(name="here:1:2", host="here:1:", siblings=1, stopping=lambda: False))
        return send

    def taken(self) -> bytes:
        [path] = (self.folder / "new").iterdir()
        raw = path.read_bytes()
        path.unlink()
        return raw

    def previewed(self) -> str:
        """What Wagtail's panel asks for: of an issue in memory, which need not be saved."""
        unsaved = Issue.objects.get(pk=self.issue.pk)
        unsaved.pk = None
        request = RequestFactory().get("/")
        return preview.serve(unsaved, request, preview.HTML).content.decode()

    def viewed(self) -> str:
        token = keyring().sign(Purpose.VIEW, self.send.pk, delivery_of(self.send, self.kim).id)
        return Client().get(f"/v/{token}").content.decode()

    def read(self) -> str:
        """Without what was added to its head."""
        html = Client().get(f"/read/{self.edition.address}").content.decode()
        before, _added, rest = html.partition('<link rel="canonical"')
        return before + "</head>" + rest.partition("</head>")[2]


@pytest.fixture(params=["small", "issue-20.en.md", "issue-20.ko.md"])
def desk(request, tmp_path):
    small = request.param == "small"
    issue = an_issue(a_newsletter()) if small else file_issue(SAMPLE / request.param, update=False)
    with RelayServer(Behaviour(), Ledger(maildir=tmp_path)) as server:
        yield Desk(issue, tmp_path, server)


def html_of(raw: bytes) -> str:
    part = email.message_from_bytes(raw, policy=email.policy.default).get_body(("html",))
    return part.get_payload(decode=True).decode().replace("\r\n", "\n")


def test_preview_test_send_view_and_web_edition_are_the_same_bytes(desk):
    assert slots_of_message(desk.segments, desk.mail), "the mail differs outside of its slots"
    marked = message.marked(desk.segments, MARK)
    assert slots_of_message(marked, desk.test), "the test differs outside of its slots"
    assert marked.segments[3:] == desk.segments.segments[3:]  # all that follows the subject
    shown = {
        "sent": html_of(desk.mail),
        "tested": html_of(desk.test),
        "previewed": desk.previewed(),
        "viewed": desk.viewed(),
        "read": desk.read(),
    }
    differing = [name for name, html in shown.items() if slots_of_html(desk.segments, html) is None]
    assert differing == []


def test_the_comparison_sees_a_single_changed_letter(desk):
    assert slots_of_message(desk.segments, desk.mail.replace(b"</body>", b"</bodY>", 1)) is None
    assert slots_of_html(desk.segments, desk.viewed().replace("</body>", "</bodY>", 1)) is None
