"""One connection's thread: how much it is given at a time, and that nobody is forgotten when a connection ends."""

from collections import Counter
from queue import SimpleQueue

import pytest
from relay import Behaviour, Ledger, RelayServer

from pipeline.delivery.batch import hand as hands
from pipeline.delivery.batch.hand import GROUP_AT_MOST, Hand
from pipeline.delivery.smtp import Envelope, Relay, Tls, Verdict

WIRE = b"Subject: Issue 20\r\n\r\nStreets that count their cars.\r\n"


class Book:
    """What a batch would do with a hand: give it what it asks for, and hear what became of it."""

    def __init__(self, server, *, may_start=lambda: True):
        self.reports, self.results = SimpleQueue(), []
        self.most = self.open = self.given = self.asked = self.withheld = 0
        self.troubles, self.defects, self.lost = [], [], []
        relay = Relay("127.0.0.1", server.port, Tls.NEVER)
        self.hand = Hand(relay, helo="client.test", reports=self.reports, may_start=may_start)

    def hear(self):
        report = self.reports.get(timeout=30)
        self._enter(report.results)
        self.asked += report.asks
        self.lost += report.lost
        self.open -= len(report.lost)
        self.troubles += [report.trouble] if report.trouble else []
        self.defects += [report.defect] if report.defect else []
        if report.broken or report.ended:
            portions = self.hand.take_back()
            self._enter([result for portion in portions for result in portion])
            self.withheld, self.asked = self.asked + len(portions), 0
        else:
            self.asked, self.withheld = self.asked + self.withheld, 0
        return report

    def _enter(self, results):
        self.results += results
        self.open -= len(results)

    def give(self, *, wire=WIRE):
        """One portion."""
        number = self.hand.portion
        self.asked -= 1
        keys = range(self.given, self.given + number)
        self.hand.give([Envelope(n, "b@news.test", f"p{n}@x.test", wire) for n in keys])
        self.given, self.open = self.given + number, self.open + number
        self.most = max(self.most, self.open)

    def work(self, people):
        """Until so many were given, and what was given is settled."""
        while self.given < people or self.open:
            while self.asked and self.given < people:
                self.give()
            self.hear()

    def work_until(self, what):
        """Give all that is asked for, until there is a report that is so."""
        while True:
            while self.asked:
                self.give()
            if what(self.hear()):
                return

    @property
    def verdicts(self):
        assert sorted(result.key for result in self.results) == sorted({*range(self.given)} - {*self.lost})
        return Counter(result.verdict for result in self.results)


@pytest.fixture
def serving():
    behaviour = Behaviour()
    with RelayServer(behaviour, Ledger()) as server:
        yield server


def test_a_fast_relay_gets_the_next_portion_before_the_first_is_through_and_never_more_than_a_group(serving):
    book = Book(serving)
    ahead = 0
    while book.given < 3000 or book.open:
        while book.asked and book.given < 3000:
            ahead += book.open > 0
            book.give()
        book.hear()
    book.hand.end()
    assert ahead > 20
    assert book.most <= GROUP_AT_MOST
    assert book.verdicts == {Verdict.ACCEPTED: book.given}
    assert [entry["rcpt"] for entry in serving.ledger.entries] == [f"p{n}@x.test" for n in range(book.given)]


def test_a_portion_is_half_of_a_group_even_if_another_one_is_learned_at_that_moment(serving, monkeypatch):
    book, learned = Book(serving), iter([64, 1])
    book.hear()  # that it has a connection; its thread waits now
    monkeypatch.setattr(Hand, "_group", property(lambda _: next(learned)), raising=False)
    portion = book.hand.portion
    monkeypatch.undo()
    book.hand.end()
    assert portion == GROUP_AT_MOST // 2


def test_a_relay_that_takes_its_time_gets_messages_one_by_one(serving):
    serving.behaviour.delay = 0.02
    book = Book(serving)
    book.work(20)
    book.hand.end()
    assert book.most == 1
    assert book.verdicts == {Verdict.ACCEPTED: 20}


@pytest.fixture
def large_groups(monkeypatch):
    monkeypatch.setattr(hands, "GROUP_SECONDS", 60.0)


def all_but_one(server, book):
    """What became of all when one was answered with 421: what came before was taken, what was behind it not sent."""
    handed = len(server.ledger.entries)
    return {Verdict.ACCEPTED: handed, Verdict.DEFERRED: 1, Verdict.UNSENT: book.given - handed - 1}


def test_what_waits_behind_a_lost_connection_is_given_back_and_another_one_opened(serving, large_groups):
    book = Book(serving)
    serving.behaviour.script = {"dot": {"^p20@": ["421 4.3.2 Closing", "250 2.0.0 Ok"]}}
    book.work(200)
    book.hand.end()
    assert len(serving.sessions) == 2
    assert book.most <= GROUP_AT_MOST
    assert book.verdicts == all_but_one(serving, book)


def test_what_waits_behind_a_lost_connection_does_not_wait_for_another(serving, large_groups):
    book = Book(serving)
    serving.behaviour.script = {"connect": ["220 Go", "silent"], "dot": {"^p20@": ["421 4.3.2 Closing"]}}
    book.work_until(lambda report: report.broken)
    assert (book.open, book.withheld) == (0, 1)
    assert book.verdicts == all_but_one(serving, book)


def test_what_it_was_given_and_never_began_comes_back_when_it_cannot_connect_again(serving, large_groups):
    book = Book(serving)
    serving.behaviour.script = {"connect": ["554 5.3.2 Go away"], "dot": {"^p20@": ["421 4.3.2 Closing"]}}
    book.work_until(lambda report: report.trouble)
    assert book.open == 0
    assert book.verdicts[Verdict.ACCEPTED] == len(serving.ledger.entries)
    book.hand.give([Envelope(book.given, "b@news.test", "late@x.test", WIRE)])  # before anybody has heard of it
    [[result]] = book.hand.take_back()
    assert result.verdict is Verdict.UNSENT
    book.hand.end()


def test_a_defect_loses_sight_of_one_portion_and_gives_the_other_back(serving, large_groups):
    book = Book(serving)
    while not book.defects:
        while book.asked:
            book.give(wire=WIRE if book.given < 20 else None)  # nothing that could be written
        book.hear()
    book.hand.end()
    assert book.open == 0
    assert 0 < len(book.lost) <= GROUP_AT_MOST // 2
    assert book.verdicts.keys() == {Verdict.ACCEPTED, Verdict.UNSENT}


def test_who_must_not_start_anything_more_says_so_and_gives_back_what_was_under_way(serving, large_groups):
    book = Book(serving, may_start=lambda: len(serving.ledger.entries) < 20)
    book.work_until(lambda report: report.ended)
    book.hand.end()
    assert book.open == 0
    handed = len(serving.ledger.entries)
    assert 20 <= handed <= 22
    assert book.verdicts == {Verdict.ACCEPTED: handed, Verdict.UNSENT: book.given - handed}
