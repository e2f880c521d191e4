"""Returned mail as admins look through it: the lists, and each message, whatever is in it."""

import datetime as dt
import re

import pytest
from django.utils import timezone
from newsroom import signed_in
from returned import a_bounce, comes_back, handed_over

from pipeline.feedback.apply import take_in
from pipeline.models import AuditEvent, Feedback
from pipeline.queries.feedback import AskedFeedback, feedback_of, feedback_page, to_look_at
from pipeline.queries.sql import execute, rows

pytestmark = pytest.mark.django_db

FORGED = "b-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bounces.example"


def arrives(raw: bytes, to: str = "postmaster@bounces.example") -> Feedback:
    return take_in(raw, source="lmtp", envelope_to=to, envelope_from="mailer@evil.example", now=timezone.now())


@pytest.fixture
def mail(scene) -> dict[str, Feedback]:
    """One in each list, and one that is understood."""
    first, second = handed_over(scene, 2)
    return {
        "unclassified": comes_back(a_bounce(), first),
        "plain": comes_back(a_bounce("552 5.2.2 mailbox full", "5.2.2"), second),
        "unattributed": arrives(a_bounce()),
        "not-trusted": arrives(a_bounce(), to=FORGED),
    }


def ids(asked: AskedFeedback, before: int = 0) -> list[int]:
    return [row.id for row in feedback_page(asked, before=before, most=50)]


def test_each_list_holds_what_wants_a_persons_eyes(mail):
    assert to_look_at() == {"unattributed": 1, "not-trusted": 1, "unclassified": 1}
    for name in ("unattributed", "not-trusted", "unclassified"):
        assert ids(AskedFeedback(of=name)) == [mail[name].pk]
    newest_first = sorted((row.pk for row in mail.values()), reverse=True)
    assert ids(AskedFeedback()) == newest_first
    assert ids(AskedFeedback(), before=newest_first[1]) == newest_first[2:]


def test_the_list_is_narrowed(mail, scene):
    plain, strange = mail["plain"], mail["unclassified"]
    assert ids(AskedFeedback(reason="mailbox-full")) == [plain.pk]
    assert ids(AskedFeedback(status="quarantined")) == [mail["not-trusted"].pk]
    assert len(ids(AskedFeedback(kind="bounce", source="lmtp"))) == 4
    assert ids(AskedFeedback(source="pipe")) == ids(AskedFeedback(kind="complaint")) == []
    assert ids(AskedFeedback(send=scene.send.pk)) == [plain.pk, strange.pk]
    email = feedback_page(AskedFeedback(reason="mailbox-full"), before=0, most=1)[0].email
    assert ids(AskedFeedback(address_key=email)) == [plain.pk]
    assert ids(AskedFeedback(words=email[:6].upper())) == [plain.pk]
    assert len(ids(AskedFeedback(words="@EVIL.example"))) == 2
    assert ids(AskedFeedback(words="%")) == []
    assert [row.id for row in feedback_of([(plain.send_id, plain.delivery_id)])] == [plain.pk]


def test_looking_empties_a_list_names_who_looked_and_changes_nothing_else(mail, bo):
    url, before = "/admin/feedback/", Feedback.objects.values().order_by("pk")
    was = [{key: value for key, value in row.items() if not key.startswith("looked")} for row in before]
    html = bo.get(url, {"of": "unattributed"}).content.decode()
    assert "Nobody known (1)" in html
    response = bo.post(f"{url}looked/", {"id": [mail["unattributed"].pk], "back": f"{url}?of=unattributed"})
    assert response["Location"] == f"{url}?of=unattributed"
    assert "Nobody known (0)" in bo.get(response["Location"]).content.decode()
    assert "looked at by bo" in bo.get(url, {"of": "unattributed", "looked": "on"}).content.decode()
    carl = signed_in("carl", superuser=True)
    carl.post(f"{url}looked/", {"id": [mail["unattributed"].pk, "x", "9" * 30], "back": "https://evil.example/"})
    row = Feedback.objects.get(pk=mail["unattributed"].pk)
    assert row.looked_by == "bo"
    now = [{key: value for key, value in row.items() if not key.startswith("looked")} for row in before.all()]
    assert now == was


def test_who_looks_goes_nowhere_else(mail, bo):
    response = bo.post("/admin/feedback/looked/", {"id": [], "back": "https://evil.example/"})
    assert response["Location"] == "/admin/feedback/"


def test_a_hostile_message_is_read_and_does_nothing(mail, bo):
    for name, row in mail.items():
        for path in ("/admin/feedback/", f"/admin/feedback/{row.pk}/"):
            html = bo.get(path).content.decode()
            assert "<script>alert" not in html, name
            assert "onclick=" not in html
            assert "\u202e" not in html
    html = bo.get(f"/admin/feedback/{mail['unclassified'].pk}/").content.decode()
    assert "[U+202E]" in html
    assert "A part in HTML" in html
    assert "alert(3)" not in html
    assert "mailer-daemon@reader.example" in html.lower()
    assert "There is no text in it." in html


def test_what_nobody_vouches_for_is_told_as_that(mail, bo):
    html = bo.get(f"/admin/feedback/{mail['unattributed'].pk}/").content.decode()
    assert "Nobody vouches for this" in html
    assert "/admin/subscribers/?q=ada%40reader.example" in html
    assert "Nobody vouches" not in bo.get(f"/admin/feedback/{mail['plain'].pk}/").content.decode()


def test_the_source_is_text_and_the_file_a_file(mail, bo):
    pk = mail["not-trusted"].pk
    source, file = bo.get(f"/admin/feedback/{pk}/source/"), bo.get(f"/admin/feedback/{pk}/message.eml")
    for response in (source, file):
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert "sandbox" in response["Content-Security-Policy"]
        assert response["X-Content-Type-Options"] == "nosniff"
    assert source["Content-Type"] == "text/plain; charset=utf-8"
    assert file["Content-Disposition"] == f'attachment; filename="feedback-{pk}.eml"'
    assert file.content == source.content == a_bounce()
    assert AuditEvent.objects.filter(action="feedback.exported", subject=f"feedback:{pk}", actor="bo").count() == 1


def test_a_line_of_a_million_letters_and_bytes_that_are_none_are_shown_in_part(bo):
    rows = [arrives(b"Subject: x\n\n" + b"y" * 1_000_000), arrives(b"\xff\xfe\0" * 1000)]
    for row in rows:
        html = bo.get(f"/admin/feedback/{row.pk}/").content.decode()
        assert len(html) < 200_000
        assert "nobody known" in html
    assert "Only its beginning is shown" in bo.get(f"/admin/feedback/{rows[0].pk}/").content.decode()
    execute("UPDATE pipeline_feedback SET raw = 'no zlib' WHERE id = %s", [rows[1].pk])
    assert "There is no text in it." in bo.get(f"/admin/feedback/{rows[1].pk}/").content.decode()


def test_pages_hold_each_message_once(mail, bo, monkeypatch):
    monkeypatch.setattr("pipeline.staff.feedback.PAGE", 1)
    seen, following = [], "?source=lmtp"
    while following is not None:
        html = bo.get("/admin/feedback/" + following).content.decode()
        seen += re.findall(r'href="/admin/feedback/(\d+)/"', html)
        found = re.search(r'rel="next" href="([^"]+)"', html)
        following = found[1].replace("&amp;", "&") if found else None
    assert sorted(map(int, seen)) == sorted(row.pk for row in mail.values())


def test_nonsense_in_the_address_breaks_nothing(mail, bo):
    for name, value in (("of", "x"), ("before", "-1"), ("send", "9" * 30), ("words", "\0'%\\"), ("kind", "x"),
                        ("status", "\u202e"), ("words", "a" * 999)):  # fmt: skip
        assert bo.get("/admin/feedback/", {name: value}).status_code == 200
    assert bo.get("/admin/feedback/999999/").status_code == 404


def test_it_is_for_those_with_the_right_alone(mail):
    ada, eve = (
        signed_in("ada", group="Editors"),
        signed_in("eve", "wagtailadmin.access_admin", "pipeline.view_feedback"),
    )
    pk = mail["plain"].pk
    for path in ("", f"{pk}/", f"{pk}/source/", f"{pk}/message.eml"):
        assert ada.get(f"/admin/feedback/{path}").status_code == 302
        assert eve.get(f"/admin/feedback/{path}").status_code == 200
    ada.post("/admin/feedback/looked/", {"id": [pk]})
    assert Feedback.objects.get(pk=pk).looked_at is None
    assert "Returned mail" in eve.get("/admin/").content.decode()
    assert "/admin/feedback/" not in ada.get("/admin/").content.decode()


def test_what_is_to_be_looked_at_is_found_without_reading_the_rest(scene):
    execute(
        "INSERT INTO pipeline_feedback (received_at, source, sha256, raw, envelope_to, envelope_from, kind, status,"
        " reason, hard, diagnostic, rule, detail)"
        " SELECT now(), 'smtp', sha256(n::text::bytea), '', '', '', 'bounce', 'applied', 'mailbox-full', false, '', '',"
        " '' FROM generate_series(1, 3000) n"
    )
    execute("ANALYZE pipeline_feedback")
    plan = "\n".join(line for (line,) in rows(f"EXPLAIN {feedback_statement('unattributed')}"))
    assert "feedback_to_look_at" in plan
    assert "Seq Scan on pipeline_feedback" not in plan


def feedback_statement(name: str) -> str:
    from pipeline.queries.feedback import _SHOWN, LISTS

    return f"{_SHOWN} WHERE {LISTS[name]} AND f.looked_at IS NULL ORDER BY f.id DESC LIMIT 51"


def test_kept_until_is_told(mail, bo):
    Feedback.objects.filter(pk=mail["plain"].pk).update(expires_at=dt.datetime(2031, 2, 3, tzinfo=dt.UTC))
    assert "2031" in bo.get(f"/admin/feedback/{mail['plain'].pk}/").content.decode()
