"""The tests' own relay tells the truth: other tests rely on its log to say who was mailed."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from relay import RecordingRelay

from pipeline.delivery.smtp import Connection, Envelope, Verdict, parse_relay


def message(name):
    return f"Subject: Issue 20\r\nMessage-ID: <{name}@news.test>\r\n\r\nMessage-ID: <no>\r\n.. dots\r\n".encode()


def deliver(relay, names):
    mails = [Envelope(name, "b@news.test", f"{name}@x.test", message(name)) for name in names]
    with Connection.open(parse_relay(relay.url), helo="client.test") as connection:
        return connection.send(mails, may_start=lambda: True)


def test_what_was_taken_is_in_the_log_before_the_client_knows(tmp_path):
    with RecordingRelay(tmp_path, maildir=tmp_path / "mail") as relay:
        assert relay.received() == []
        results = deliver(relay, ["ann", "bob"])
        entries = relay.received()
    assert {result.verdict for result in results} == {Verdict.ACCEPTED}
    assert [entry["rcpt"] for entry in entries] == ["ann@x.test", "bob@x.test"]
    assert entries[0]["mail_from"] == "b@news.test"
    assert entries[0]["message_id"] == "<ann@news.test>"
    assert entries[0]["size"] == len(message("ann"))
    assert entries[0]["sha256"] == hashlib.sha256(message("ann")).hexdigest()
    stored = [path.read_bytes() for path in sorted((tmp_path / "mail" / "new").iterdir())]
    assert stored == [message(name).replace(b"\r\n..", b"\r\n.") for name in ("ann", "bob")]


def test_several_connections_at_once_lose_no_line(tmp_path):
    with RecordingRelay(tmp_path) as relay, ThreadPoolExecutor(4) as pool:
        crowds = [[f"r{crowd}-{n}" for n in range(100)] for crowd in range(4)]
        list(pool.map(lambda crowd: deliver(relay, crowd), crowds))
        assert sorted(e["rcpt"] for e in relay.received()) == sorted(f"{n}@x.test" for c in crowds for n in c)


def test_one_can_wait_for_the_log_to_grow(tmp_path):
    with RecordingRelay(tmp_path, delay_ms=20) as relay:
        sender = threading.Thread(target=deliver, args=(relay, [f"r{n}" for n in range(10)]))
        sender.start()
        assert len(relay.wait_for(1)) >= 1
        assert relay.grown_by(2) >= 3
        sender.join()
        assert len(relay.wait_for(10)) == 10
        with pytest.raises(TimeoutError, match="the relay took 10 of 11 messages"):
            relay.wait_for(11, timeout=0.01)


def test_the_script_counts_attempts_by_address(tmp_path):
    script = {
        "rcpt": {"^later": ["451 4.7.1 Greylisted", "250 2.1.5 Ok"], "^gone": ["550 5.1.1 No such user"]},
        "cut": {"after_dot": ["^cut"]},
    }
    with RecordingRelay(tmp_path, script=script, no_pipelining=True) as relay:
        first = [result.verdict for result in deliver(relay, ["later", "later2", "gone", "cut"])]
        second = [result.verdict for result in deliver(relay, ["later", "gone", "cut"])]
        entries = [entry["rcpt"] for entry in relay.received()]
    assert first == [Verdict.DEFERRED, Verdict.DEFERRED, Verdict.REJECTED, Verdict.UNCERTAIN]
    assert second == [Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ACCEPTED]
    assert entries == ["cut@x.test", "later@x.test", "cut@x.test"]


def test_it_ends_with_the_test_that_started_it(tmp_path):
    with RecordingRelay(tmp_path) as relay:
        process = relay._process
        assert process.poll() is None
    assert process.returncode == 0
