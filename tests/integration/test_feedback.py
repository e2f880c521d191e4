"""What came back, applied: to whom, by which signature, and what stays as it was."""

import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from returned import return_path

from pipeline import cli
from pipeline.commands import environment
from pipeline.feedback import apply
from pipeline.feedback.apply import take_in
from pipeline.keys import keyring
from pipeline.models import AuditEvent, Delivery, Feedback, Newsletter, Send, SendList, Transport
from pipeline.tokens import Purpose
from subscribers.addresses import parse_address
from subscribers.models import List, Subscription, Suppression
from subscribers.transitions import add_person

pytestmark = pytest.mark.django_db

SAMPLES = Path(__file__).resolve().parents[1] / "corpus" / "feedback"
ADA = "ada@reader.example"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SAMPLE_ID = "aeaqcaa7qs2tkq4sv3lq7m2xn5yq2eza5y"


def sample(name):
    return (SAMPLES / f"{name}.eml").read_bytes()


@pytest.fixture(autouse=True)
def bounce_domain(settings):
    settings.BOUNCE_DOMAIN = "bounces.city.example"
    return settings.BOUNCE_DOMAIN


@pytest.fixture
def newsletter():
    return Newsletter.objects.create(slug="city", name="City", sender_name="Desk", sender_address="desk@city.example")


@pytest.fixture
def readers(newsletter):
    readers = List.objects.create(slug="readers", name="Readers")
    newsletter.default_lists.add(readers)
    return readers


@pytest.fixture
def send(newsletter, readers):
    send = Send.objects.create(
        newsletter=newsletter,
        transport=Transport.objects.create(name="relay", url="smtp://127.0.0.1"),
        state="sending",
        due_at=NOW,
        valid_for=timedelta(hours=72),
        retry=[60],
        approved_by="test",
    )
    SendList.objects.create(send=send, list=readers)
    return send


@pytest.fixture
def make_delivery(send, readers):
    def make(email, number, *, state="accepted", reason="taken", at=NOW - timedelta(hours=1)):
        person = add_person(parse_address(email))
        Subscription.objects.create(subscriber=person, list=readers, state="subscribed", changed_by="test")
        return Delivery.objects.create(
            send_id=send.pk,
            id=number,
            subscriber_id=person.pk,
            email=person.email,
            address_key=person.address_key,
            state=state,
            reason=reason,
            updated_at=at,
        )

    return make


@pytest.fixture
def ada(make_delivery):
    return make_delivery(ADA, 1)


@pytest.fixture
def bob(make_delivery):
    return make_delivery("bob@reader.example", 2)


def leaving_address(delivery, newsletter):
    ids = (delivery.send_id, delivery.id, delivery.subscriber_id, newsletter.pk)
    return f"u-{keyring().sign(Purpose.UNSUBSCRIBE, *ids)}@bounces.city.example"


def back(raw, to, *, now=NOW, sender=""):
    return take_in(raw, source="smtp", envelope_to=to, envelope_from=sender, now=now)


def fresh(delivery):
    return Delivery.objects.get(send_id=delivery.send_id, id=delivery.id)


def suppressed():
    return list(Suppression.objects.order_by("id").values_list("address_key", "reason", "scope"))


def everything():
    """All that feedback may change, but the feedback itself."""
    return (
        list(Delivery.objects.order_by("id").values()),
        suppressed(),
        list(Subscription.objects.order_by("id").values()),
        AuditEvent.objects.count(),
    )


# -- bounces


def test_a_dead_address_is_suppressed_everywhere_at_once(ada, bob):
    row = back(sample("dsn-unknown-user"), return_path(ada))
    assert (row.kind, row.status, row.reason, row.hard) == ("bounce", "applied", "no-such-mailbox", True)
    assert (row.send_id, row.delivery_id) == (ada.send_id, ada.id)
    assert suppressed() == [(ADA, "dead-address", "all")]
    found = fresh(ada)
    assert (found.bounced_at, found.bounce_reason, found.bounce_hard) == (NOW, "no-such-mailbox", True)
    assert found.state == "accepted", "a bounce is a fact beside the state"
    assert fresh(bob).bounced_at is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dsn-mailbox-full", "mailbox-full"),
        ("dsn-disabled", "mailbox-disabled"),
        ("dsn-spam", "policy"),
        ("dsn-unauthenticated", "authentication"),
        ("dsn-blocklist", "reputation"),
        ("dsn-refused-after-body", "recipient-filter"),
        ("dsn-expired", "temporary"),
        ("dsn-no-such-domain", "no-such-domain"),
        ("words-exim-style", "reputation"),
        ("words-korean", "mailbox-full"),
    ],
)
def test_any_other_bounce_is_only_noted(ada, name, reason):
    row = back(sample(name), return_path(ada))
    assert (row.status, row.reason) == ("applied", reason)
    assert fresh(ada).bounce_reason == reason
    assert suppressed() == []


def test_a_domain_that_takes_no_mail_is_believed(ada):
    back(sample("dsn-null-mx"), return_path(ada))
    assert suppressed() == [(ADA, "dead-address", "all")]


def test_the_token_names_the_reader_and_the_words_do_not(ada, bob):
    """A forwarder's report is about the person we wrote to; a forged one inside a good token harms its own bearer."""
    back(sample("dsn-unknown-user"), return_path(bob))
    assert suppressed() == [("bob@reader.example", "dead-address", "all")]
    assert fresh(ada).bounced_at is None


def test_of_several_recipients_ours_is_meant(ada, bob, make_delivery):
    back(sample("dsn-several"), return_path(ada))
    assert fresh(ada).bounce_reason == "no-such-mailbox"
    cy = make_delivery("cy@reader.example", 3)
    back(sample("dsn-several"), return_path(cy))
    assert fresh(cy).bounce_reason == "mailbox-full"
    back(sample("dsn-several"), return_path(bob))
    assert fresh(bob).bounce_reason == "mailbox-full", "ours is not among them: the softest one counts"
    assert suppressed() == [(ADA, "dead-address", "all")]


def test_a_delay_is_no_bounce(ada):
    for name in ("dsn-delayed", "words-warning"):
        row = back(sample(name), return_path(ada))
        assert (row.kind, row.status) == ("delay", "applied")
    assert (fresh(ada).delayed_at, fresh(ada).bounced_at, suppressed()) == (NOW, None, [])


def test_an_old_bounce_suppresses_nobody(make_delivery):
    ada = make_delivery(ADA, 1, at=NOW - apply.BOUNCE_WITHIN - timedelta(minutes=1))
    row = back(sample("dsn-unknown-user"), return_path(ada))
    assert "14 days" in row.detail
    assert fresh(ada).bounced_at == NOW
    assert suppressed() == []


def test_a_bounce_settles_what_was_uncertain(make_delivery):
    ada = make_delivery(ADA, 1, state="uncertain", reason="lease-lost")
    back(sample("dsn-mailbox-full"), return_path(ada))
    assert (fresh(ada).state, fresh(ada).reason) == ("accepted", "evidence")


# -- answers


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("away-*.eml")), ids=lambda path: path.stem)
def test_an_absence_note_changes_nothing_but_settles_doubt(make_delivery, path):
    ada = make_delivery(ADA, 1, state="uncertain", reason="lease-lost")
    row = back(path.read_bytes(), return_path(ada))
    assert (row.kind, row.status) == ("auto-reply", "ignored")
    assert fresh(ada).state == "accepted"
    assert (fresh(ada).bounced_at, suppressed()) == (None, [])
    assert Subscription.objects.get(subscriber_id=ada.subscriber_id).state == "subscribed"


@pytest.mark.parametrize(
    ("name", "shows_life"),
    [
        *dict.fromkeys(["challenge", "read-receipt", "reply", "reply-quoting-a-bounce"], True).items(),
        *dict.fromkeys(["reply-pasting-a-bounce", "dsn-relayed", "dsn-delivered"], True).items(),
        *dict.fromkeys(["newsletter-about-bounces", "ticket", "dmarc-report", "spam", "empty"], False).items(),
        ("arf-not-spam", False),
    ],
)
def test_what_is_no_bounce_counts_as_none(ada, name, shows_life):
    before = everything()
    row = back(sample(name), return_path(ada))
    assert row.status == ("applied" if row.kind == "reply" else "ignored")  # an answer is handed on
    assert fresh(ada).alive_at == (NOW if shows_life else None)
    Delivery.objects.update(alive_at=None)
    assert everything() == before


# -- complaints


def test_a_complaint_is_known_by_the_id_in_the_copy(ada):
    identity = keyring().sign(Purpose.HEADER, ada.send_id, ada.id)
    raw = sample("arf-redacted").replace(SAMPLE_ID.encode(), identity.encode())
    row = back(raw, "complaints@city.example")
    assert (row.kind, row.status, row.delivery_id) == ("complaint", "applied", ada.id)
    assert fresh(ada).complained_at == NOW
    assert suppressed() == [(ADA, "complaint", "all")]


def test_a_complaint_without_a_signature_waits_for_a_person(ada):
    raw = sample("arf-abuse").replace(b"X-Pressrun-Id: " + SAMPLE_ID.encode() + b"\n", b"")
    before = everything()
    row = back(raw, "complaints@city.example")
    assert (row.kind, row.status) == ("complaint", "unattributed")
    assert everything() == before


def test_a_very_late_complaint_changes_nothing(make_delivery):
    ada = make_delivery(ADA, 1, at=NOW - timedelta(days=91))
    assert back(sample("arf-abuse"), return_path(ada)).status == "ignored"
    assert suppressed() == []


# -- forgeries


def broken_tokens(good, other):
    local, _, domain = good.partition("@")
    token = local.removeprefix("b-")
    swapped = token[:-1] + ("a" if token[-1] != "a" else "e")
    yield from (f"b-{wrong}@{domain}" for wrong in (swapped, token[:-4], token + "aa", token[2:], "", "x" * 60, "é"))
    yield f"b-{other}@{domain}"
    yield f"u-{token}@{domain}"


def test_a_forged_token_is_kept_and_does_nothing(ada, newsletter):
    before = everything()
    another_purpose = keyring().sign(Purpose.HEADER, ada.send_id, ada.id)
    for address in broken_tokens(return_path(ada), another_purpose):
        for name in ("dsn-unknown-user", "arf-abuse", "reply"):
            assert back(sample(name), address).status == "quarantined", address
    assert everything() == before


def test_a_forged_id_in_a_copy_does_nothing(ada):
    before = everything()
    assert back(sample("arf-abuse"), "complaints@city.example").status == "quarantined"
    assert back(sample("dsn-unknown-user"), "postmaster@bounces.city.example").status == "quarantined"
    assert everything() == before


def test_a_return_path_is_good_in_any_case(ada):
    assert back(sample("dsn-unknown-user"), return_path(ada).upper()).status == "applied"


def test_a_delivery_that_is_gone_is_nobodys(ada):
    address = return_path(ada)
    Delivery.objects.all().delete()
    assert back(sample("dsn-unknown-user"), address).status == "unattributed"
    assert suppressed() == []


# -- kept, and once


def test_the_raw_message_is_kept_as_it_came(ada):
    raw = b"From: x\r\n\r\n\x00\xff no text at all"
    row = back(raw, return_path(ada), sender="<odd\x00>")
    assert zlib.decompress(bytes(Feedback.objects.get(pk=row.pk).raw)) == raw
    assert row.expires_at > NOW


def test_the_same_message_again_changes_nothing(ada, bob):
    first = back(sample("dsn-unknown-user"), return_path(ada))
    before = everything()
    again = back(sample("dsn-unknown-user"), return_path(ada), now=NOW + timedelta(days=1))
    assert (again.pk, Feedback.objects.count()) == (first.pk, 1)
    assert everything() == before
    assert back(sample("dsn-unknown-user"), return_path(bob)).pk != first.pk, "to another of us it is another"


def test_a_failure_while_applying_leaves_no_trace(ada, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("a defect")

    before = everything()
    monkeypatch.setattr(apply.transitions, "rule_on", fail)
    with pytest.raises(RuntimeError):
        back(sample("dsn-unknown-user"), return_path(ada))
    assert (Feedback.objects.count(), everything()) == (0, before)


# -- leaving by mail


def test_mail_to_the_signed_address_leaves_the_newsletter(ada, bob, newsletter):
    raw = b"From: somebody-else@x.example\r\nSubject: whatever\r\n\r\nplease keep me subscribed"
    row = back(raw, leaving_address(ada, newsletter))
    assert (row.kind, row.status, row.delivery_id) == ("unsubscribe", "applied", ada.id)
    assert Subscription.objects.get(subscriber_id=ada.subscriber_id).state == "unsubscribed"
    assert Subscription.objects.get(subscriber_id=bob.subscriber_id).state == "subscribed"
    assert suppressed() == [(ADA, "unsubscribed", newsletter.scope)]
    assert fresh(ada).unsubscribed_at == NOW


def test_a_forged_from_leaves_nobody(ada, newsletter):
    before = everything()
    other = keyring().sign(Purpose.VIEW, ada.send_id, ada.id)
    raw = f"From: {ADA}\r\nSubject: unsubscribe\r\n\r\nunsubscribe {ADA}".encode()
    for local in ("u-", f"u-{other}", "postmaster", return_path(ada).partition("@")[0]):
        assert back(raw, f"{local}@bounces.city.example").status != "applied"
    assert everything() == before


def test_someone_who_is_gone_has_left(ada, newsletter):
    address = leaving_address(ada, newsletter)
    ghost = keyring().sign(Purpose.UNSUBSCRIBE, ada.send_id, ada.id, 999_999, newsletter.pk)
    assert back(b"Subject: x\r\n\r\n", f"u-{ghost}@bounces.city.example").status == "ignored"
    assert back(b"Subject: x\r\n\r\n", address).status == "applied"


# -- the pipe


@pytest.fixture
def feedback_command(monkeypatch, capfd):
    monkeypatch.setattr(environment, "prepare", lambda: None)

    def run(raw, *words):
        class Stdin:
            class buffer:  # noqa: N801 (stands in for sys.stdin)
                @staticmethod
                def read(size):
                    return raw[:size]

        monkeypatch.setattr("sys.stdin", Stdin)
        status = cli.main(["feedback", *words])
        out, err = capfd.readouterr()
        return status, out, err

    return run


def test_the_feedback_command_takes_one_message_in(ada, feedback_command):
    status, out, _ = feedback_command(sample("dsn-unknown-user"), "--json", "--to", return_path(ada))
    assert status == 0
    assert json.loads(out)["status"] == "applied"
    assert suppressed() == [(ADA, "dead-address", "all")]
    raw = sample("dsn-mailbox-full").replace(b"b-token@bounces.city.example", return_path(ada).encode())
    status, out, _ = feedback_command(raw)
    assert (status, out.strip()) == (0, "bounce: Noted; the address stays.")
    assert Feedback.objects.filter(source="pipe").count() == 2


@pytest.mark.parametrize("raw", [b"", b" \n", b"x" * 10_000_001], ids=["nothing", "blank", "too long"])
def test_nothing_is_taken_in_for_nothing(feedback_command, raw):
    status, _, err = feedback_command(raw)
    assert (status, Feedback.objects.count()) == (1, 0)
    assert "Nothing was taken in" in err
