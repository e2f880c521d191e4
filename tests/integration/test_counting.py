"""Each reason's default, over issues as they come back: from the raw mail to the suppression, and no sooner."""

import random

import pytest
from django.utils import timezone
from months import DAY, Mailbox, is_suppressed, relay_knows, states
from scene import elsewhere, slow_errands
from zone import SILENT, Zone

from pipeline import recheck, tasks, transitions
from pipeline.models import AuditEvent, Delivery, Policy, Ruling
from pipeline.queries import audit
from pipeline.recheck import look_into
from pipeline.replies import classify
from pipeline.transitions import rulings

pytestmark = pytest.mark.django_db
SOMEWHERE = {"NS com": ("a.gtld-servers.net",)}


def looked_into(mailbox, day, zone=None):
    return look_into(Zone(SOMEWHERE if zone is None else zone), now=mailbox.at(day))


@pytest.mark.parametrize(("reason", "issues", "days"), [("mailbox-disabled", 3, 30), ("mailbox-full", 5, 30)])
def test_so_many_issues_over_so_many_days(reason, issues, days):
    mailbox = Mailbox()
    for n in range(issues - 1):
        mailbox.fails(n, reason)
    mailbox.fails(days - 1, reason)
    assert (is_suppressed(), states()) == (False, []), "as many issues, a day too few"
    last = mailbox.fails(days, reason)
    assert (is_suppressed(), states()) == (True, ["applied"])
    ruling = Ruling.objects.get()
    assert (ruling.send_id, ruling.reason) == (last.send_id, reason)
    assert ruling.why == f"{issues + 1} issues in a row did not arrive for this reason, over {days} days."
    assert all(finding.ok for finding in audit(last.send_id))


def test_a_following_send_of_the_same_issue_counts_once():
    mailbox = Mailbox()
    for day in (0, 10, 20, 31):
        [delivery] = mailbox.handed_over(day, issue=7)
        mailbox.comes_back(delivery, "mailbox-disabled")
    mailbox.fails(40, "mailbox-disabled")
    assert not is_suppressed()
    mailbox.fails(41, "mailbox-disabled")
    assert is_suppressed()


@pytest.mark.parametrize("life", ["click", "reply", "away-english", "dsn-delivered", "leaving", "taken", "lifted"])
def test_a_sign_of_life_begins_the_count_anew(life):
    mailbox = Mailbox()
    for day in (0, 10):
        mailbox.fails(day, "mailbox-disabled")
    [delivery] = mailbox.handed_over(20)
    name = (delivery.send_id, delivery.id)
    if life == "click":
        transitions.record_click(*name, at=mailbox.at(21))
    elif life == "leaving":
        transitions.record_leaving(*name, at=mailbox.at(21))
    elif life == "taken":
        relay_knows(sees_recipient_replies=True)
    elif life == "lifted":
        Ruling.objects.create(
            send_id=name[0], delivery_id=name[1], reason="mailbox-full", address_key=delivery.address_key,
            state="undone", settled_at=mailbox.at(21),
        )  # fmt: skip
    else:
        mailbox.comes_back(delivery, life)
    for day in (35, 60):
        mailbox.fails(day, "mailbox-disabled")
    assert not is_suppressed(), "two since"
    mailbox.fails(70, "mailbox-disabled")
    assert is_suppressed()


def test_refusals_at_once_count_with_what_comes_back():
    mailbox = Mailbox()
    words = "552 5.2.2 Mailbox full"
    for day in (0, 10, 20):
        mailbox.fails(day, "mailbox-full")
    for day in (30, 40):
        refused(mailbox, day, words)
    assert is_suppressed()
    assert Ruling.objects.get().source == "smtp"


def refused(mailbox, day, words):
    """What a batch does with a refusal at RCPT."""
    [delivery] = mailbox.handed_over(day)
    Delivery.objects.filter(send_id=delivery.send_id).delete()  # the ledger lets nobody back from accepted
    delivery.state, delivery.reason, delivery.reply = "rejected", classify(words).reason, words
    delivery.save(force_insert=True)
    transitions.rule_on(delivery.send_id, delivery.id, classify(words), words=words, source="smtp", at=mailbox.at(day))


@pytest.mark.parametrize(("reason", "issues", "days"), [("recipient-filter", 5, 60), ("temporary", 7, 60)])
def test_a_filter_counts_where_it_is_this_address_alone(reason, issues, days):
    mailbox = Mailbox(readers=2)
    for n in range(issues - 1):
        mailbox.fails(n, reason)
    mailbox.fails(days, reason)
    assert (is_suppressed(), states()) == (False, ["waiting"]), "the others' reports may be on their way"
    assert looked_into(mailbox, days + 1) == 0
    assert looked_into(mailbox, days + 1.2) == 1
    assert (is_suppressed(), states()) == (True, ["applied"])


def test_a_filter_that_takes_others_of_the_domain_too_is_not_the_address():
    mailbox = Mailbox(readers=3)
    for day in (0, 20, 40, 50, 65):
        first, second, third = mailbox.handed_over(day)
        mailbox.comes_back(first, "recipient-filter")
        mailbox.comes_back(second if day < 30 else third, "recipient-filter", after=0.5)
    assert looked_into(mailbox, 67) == 1
    assert (is_suppressed(), states()) == (False, ["discarded"])
    assert "Others at example.com failed" in Ruling.objects.get().why
    mailbox.fails(70, "recipient-filter")
    assert states() == ["discarded"], "the count has begun anew"


def test_others_of_the_domain_who_are_unknown_for_now_only_make_it_trouble_of_the_domain():
    mailbox = Mailbox(readers=2)
    for day in (0, 10, 20, 30, 40, 50, 60):
        first, second = mailbox.handed_over(day)
        mailbox.comes_back(first, "temporary")
        transitions.record_bounce(
            second.send_id, second.id, reason="no-such-mailbox", hard=False, at=second.updated_at, source="mail"
        )
    assert looked_into(mailbox, 61.2) == 1
    assert (is_suppressed(), states()) == (False, ["discarded"])


def test_life_while_it_waits_spares_the_address():
    mailbox = Mailbox()
    for day in (0, 20, 40, 50):
        mailbox.fails(day, "recipient-filter")
    last = mailbox.fails(65, "recipient-filter")
    transitions.record_click(last.send_id, last.id, at=mailbox.at(65.5))
    assert looked_into(mailbox, 67) == 1
    assert states() == ["discarded"]


@pytest.mark.parametrize("stop", ["send.paused", "send.held", "send.storm", None])
def test_our_own_giving_up_counts_unless_the_stop_was_ours(stop):
    relay_words = "452 4.2.2 The mailbox is full"
    mailbox = Mailbox()
    for day in (0, 10, 20, 30):
        mailbox.fails(day, "mailbox-full")
    [delivery] = mailbox.handed_over(40)
    Delivery.objects.filter(send_id=delivery.send_id).delete()
    delivery.state, delivery.reason, delivery.reply, delivery.attempts = "expired", "too-late", relay_words, 5
    delivery.save(force_insert=True)
    if stop:
        AuditEvent.objects.create(actor="ada", action=stop, subject=f"send:{delivery.send_id}")
    transitions.rule_on(delivery.send_id, delivery.id, classify(relay_words), source="smtp", at=mailbox.at(40))
    assert is_suppressed() == (stop is None)


@pytest.mark.parametrize("name", ["dsn-blocklist", "dsn-spam", "dsn-too-big", "dsn-unauthenticated", "spam"])
def test_what_is_not_the_readers_fault_never_adds_up(name):
    mailbox = Mailbox()
    for day in range(0, 100, 10):
        mailbox.fails(day, name)
    assert (is_suppressed(), states()) == (False, [])


def test_an_admins_policy_holds_from_the_next_report_on():
    mailbox = Mailbox()
    Policy.objects.filter(reason="mailbox-full").update(issues=2, days=7)
    mailbox.fails(0, "mailbox-full")
    mailbox.fails(6, "mailbox-full")
    assert not is_suppressed()
    mailbox.fails(7, "mailbox-full")
    assert is_suppressed()


def test_reports_in_any_order_and_twice_end_the_same():
    mailbox = Mailbox()
    letters = [(mailbox.handed_over(day)[0], "mailbox-full") for day in (0, 8, 16, 24, 32)]
    letters += [(mailbox.handed_over(40)[0], "mailbox-disabled"), (mailbox.handed_over(48)[0], "mailbox-disabled")]
    ends = set()
    for seed in range(4):
        shuffled = random.Random(seed).sample(letters * 2, 2 * len(letters))
        for delivery, reason in shuffled:
            meaning = "mailbox-full" if reason == "mailbox-full" else reason
            words = {"mailbox-full": "552 5.2.2 full", "mailbox-disabled": "550 5.2.1 disabled"}[meaning]
            name = (delivery.send_id, delivery.id)
            transitions.record_bounce(*name, reason=reason, hard=False, at=delivery.updated_at + DAY, source="mail")
            transitions.rule_on(*name, classify(words), words=words, source="mail", at=delivery.updated_at + DAY)
        ends.add((is_suppressed(), tuple(Ruling.objects.values_list("reason", "state", "address_key"))))
    assert ends == {(True, (("mailbox-full", "applied", letters[0][0].address_key),))}


# -- a domain that is said not to exist


def test_a_missing_domain_is_asked_for_three_times_over_two_days():
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    assert (is_suppressed(), states()) == (False, ["waiting"])
    assert [looked_into(mailbox, day) for day in (0.2, 0.3, 1.0, 1.2, 2.0, 2.05)] == [1, 0, 0, 1, 0, 0]
    assert (is_suppressed(), states()) == (False, ["waiting"])
    assert looked_into(mailbox, 2.2) == 1
    assert (is_suppressed(), states()) == (True, ["applied"])
    assert Ruling.objects.get().why == "DNS knows no place where mail to example.com goes: said 3 times within 2 days."


@pytest.mark.parametrize(
    "records", [{"MX example.com": ("10 mx.example.com",)}, {"A example.com": ("192.0.2.1",)}], ids=["MX", "address"]
)
def test_a_domain_that_comes_back_at_any_look_stays(records):
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    looked_into(mailbox, 0.2)
    assert looked_into(mailbox, 1.3, records) == 1
    assert (is_suppressed(), states()) == (False, ["discarded"])
    assert Ruling.objects.get().why.startswith("DNS knows where mail to example.com goes")
    assert looked_into(mailbox, 9) == 0


def test_null_mx_in_dns_counts_like_a_missing_domain():
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    for day in (0.2, 1.2, 2.3):
        looked_into(mailbox, day, {"MX example.com": ("0 ",)})
    assert states() == ["applied"]


def test_a_report_of_null_mx_is_believed_at_once():
    mailbox = Mailbox()
    mailbox.fails(0, "dsn-null-mx")
    assert (is_suppressed(), states()) == (True, ["applied"])


@pytest.mark.parametrize("records", [{"MX example.com": SILENT}, {}], ids=["no answer", "knows nothing at all"])
def test_dns_that_does_not_say_proves_nothing(records):
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    day, looks = 0.2, 0
    while states() == ["waiting"] and day < 30:
        looks += looked_into(mailbox, day, records)
        day += 0.25
    assert (states(), is_suppressed()) == (["discarded"], False)
    assert 20 < looks < 40
    assert day > 6
    assert Ruling.objects.get().why.startswith("It could not be found out")


def test_a_policy_that_was_changed_meanwhile_lets_the_address_stay():
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    Policy.objects.filter(reason="no-such-domain").update(action="ignore")
    assert looked_into(mailbox, 1) == 1
    assert states() == ["discarded"]


def test_one_missing_domain_is_asked_for_once_for_all_its_addresses():
    mailbox = Mailbox(readers=3)
    for delivery in mailbox.handed_over(0):
        mailbox.comes_back(delivery, "no-such-domain")
    zone = Zone(SOMEWHERE)
    assert look_into(zone, now=mailbox.at(1)) == 3
    assert zone.asked == ["MX example.com", "A example.com", "AAAA example.com", "NS com"]
    assert set(Ruling.objects.values_list("looks", flat=True)) == {1}


def test_names_that_dns_is_slow_about_keep_one_worker_for_a_minute(monkeypatch):
    """However many they are: sends wait for the same workers."""
    slow_errands(monkeypatch)
    mailbox = Mailbox(readers=3)
    for delivery in mailbox.handed_over(0):
        mailbox.comes_back(delivery, "no-such-domain")
    for number, ruling in enumerate(Ruling.objects.all()):
        Ruling.objects.filter(pk=ruling.pk).update(domain=f"n{number}.example")

    def silent(name, kind):
        return Zone({f"MX {name}": SILENT})(name, kind)

    assert look_into(silent, now=mailbox.at(1)) == 1
    with elsewhere(recheck.LOCK):
        assert look_into(silent, now=mailbox.at(1)) == 0
    assert look_into(silent, now=mailbox.at(1)) == 1


def test_a_ruling_that_is_settled_stays_so():
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    ruling = Ruling.objects.get()
    assert rulings.discard(ruling.pk, by="ada", why="I know them.", at=mailbox.at(1))
    assert not rulings.uphold(ruling.pk, by="feedback", why="gone", at=mailbox.at(2))
    assert states() == ["discarded"]


def test_a_due_ruling_rings_for_a_worker_and_one_that_waits_does_not(monkeypatch):
    rung = []
    monkeypatch.setattr(tasks, "ring_rulings", lambda: rung.append(1))
    monkeypatch.setattr(tasks, "sweep_books", list)
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    Ruling.objects.update(due_at=timezone.now() + DAY)
    tasks.sweep()
    assert rung == []
    Ruling.objects.update(due_at=timezone.now())
    tasks.sweep()
    assert rung == [1]


def test_the_task_asks_and_settles(monkeypatch):
    monkeypatch.setattr(tasks.lookup, "ask", Zone({"MX example.com": ("10 mx.example.com",)}))
    mailbox = Mailbox()
    mailbox.fails(0, "no-such-domain")
    tasks.rulings()
    assert states() == ["discarded"]
