"""The process that reads hostile mail: what it may do, what it may not, and what becomes of who breaks it."""

import codecs
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from encodings.aliases import aliases
from pathlib import Path
from textwrap import dedent

import pytest
from house import kill, until
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feedback import bounded, mime, wire
from pipeline.feedback.bounded import NoReaderError, Reader
from pipeline.feedback.understand import Kind, Recipient, Understood, understand
from pipeline.replies import Fault, Meaning, Reason

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "tests" / "corpus" / "feedback").glob("*.eml"))

POSSESSED = """
import os, resource, signal, socket, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from pipeline.feedback import reader
from pipeline.feedback.understand import Kind, Understood

seen = []

def reads(raw):
    seen.append(raw)
    match raw:
        case b"loop":
            while True:
                pass
        case b"sleep":
            time.sleep(600)
        case b"eat":
            return [bytearray(2**20) for _ in range(100)]
        case b"defect":
            raise LookupError(raw)
        case b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        case b"die unless first" if len(seen) > 1:
            os._exit(0)
        case b"reach":
            return Understood(Kind.OTHER, rule=" ".join(what for what, do in REACH.items() if succeeds(do)))
    return Understood(Kind.OTHER, rule=f"{len(seen)} {raw.decode()}")

def succeeds(do):
    try:
        do()
    except Exception:
        return False
    return True

def environment():
    assert set(os.environ) - {"LC_CTYPE"}  # which Python sets by itself

REACH = {
    "environment": environment,
    "file": lambda: open("/etc/hostname").close(),
    "own memory": lambda: open("/proc/self/environ").close(),
    "writing": lambda: open("/tmp/reached", "w").close(),
    "network": lambda: socket.socket().close(),
    "pipe": os.pipe,
    "descriptors": lambda: [os.fstat(number) for number in range(3, 4096) if succeeds(lambda: os.fstat(number))][0],
    "process": lambda: subprocess.run(["/bin/true"]),
    "limits": lambda: resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40)),
    "files again": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)) or open("/etc/hostname").close(),
}
if os.geteuid() == 0:  # nothing is out of root's reach; what is not root cannot raise a hard limit
    del REACH["limits"], REACH["files again"]
reader.understand = reads
reader.main()
"""


@pytest.fixture
def reader():
    """A real one."""
    reader = Reader()
    yield reader
    reader.close()


@pytest.fixture
def possessed(monkeypatch, reader):
    """One whose process does as the message says."""
    monkeypatch.setattr(bounded, "_START", POSSESSED)
    return reader


def test_it_gives_what_reading_gives(reader):
    for path in SAMPLES:
        assert reader.understand(path.read_bytes()) == understand(path.read_bytes())


def test_every_charset_that_we_know_is_known_there_too(reader):
    known = [name for name in aliases if mime._codec(name)]
    assert len(known) > 150
    for name in [*known, "punycode", "x-unknown"]:
        text = (
            "From: MAILER-DAEMON@x.test\nSubject: =?{}?q?=7E=41?=\nContent-Type: text/plain; charset={}\n\n550 a@b.test"
        )
        raw = text.format(name, name).encode()
        assert reader.understand(raw) == understand(raw), name


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"loop", "it takes more than 2 seconds of a processor"),
        (b"eat", "it needs more than 64 MB of memory"),
        (b"defect", "its reader broke down"),
        (b"die", "its reader broke down"),
    ],
)
def test_who_breaks_it_is_told_as_unread_and_the_next_is_read(possessed, message, why):
    assert possessed.understand(b"before").rule == "1 before"
    assert possessed.understand(message) == Understood(Kind.OTHER, rule="unread", unread=why)
    assert possessed.understand(b"after").rule == "1 after", "a process that never saw it"


def test_who_takes_long_without_working_is_ended_by_the_clock(monkeypatch, possessed):
    possessed.understand(b"the process is there")
    monkeypatch.setattr(bounded, "WITHIN", 0.2)
    assert possessed.understand(b"sleep").unread == "it took longer than 0.2 seconds"


def test_who_pays_for_another_is_read_alone(possessed):
    assert possessed.understand(b"before").rule == "1 before"
    assert possessed.understand(b"die unless first").rule == "1 die unless first"


def test_nothing_is_in_its_reach(possessed):
    assert possessed.understand(b"reach").rule == ""


def test_it_reads_no_more_than_is_looked_at(possessed):
    assert len(possessed.understand(b"x" * 3_000_000).rule) == len("1 ") + mime.SIZE_AT_MOST


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[" * 50_000,
        b'{"kind": "other", "recipients": [], "returned_id": 1}',
        b'{"kind": "none of ours", "recipients": []}',
        b'{"kind": "other", "recipients": [], "exploit": "x"}',
        b'{"kind": "other", "recipients": [{"meaning": {}}]}',
        b'{"kind": "other", "recipients": {"meaning": 1}}',
        b"\xff",
    ],
)
def test_what_is_no_answer_is_none(answer):
    with pytest.raises(wire.NoAnswerError):
        wire.decode(answer)


@pytest.mark.parametrize(
    "frames", [wire.frame(b"{}"), wire.frame(b"not JSON"), b"\xff\xff\xff\xff", wire.frame(b"{}") * 2, b""]
)
def test_a_process_that_was_taken_over_tells_nothing(monkeypatch, reader, frames):
    lies = f"import os; os.write(0, bytes(4)); os.read(0, 9); os.write(0, {frames!r})"
    monkeypatch.setattr(bounded, "_START", lies)
    assert reader.understand(b"x").unread


def test_where_none_starts_nothing_is_called_unread(monkeypatch, reader):
    monkeypatch.setattr(bounded, "_START", "raise SystemExit(1)")
    with pytest.raises(NoReaderError, match="Nothing was taken in"):
        reader.understand(b"x")
    monkeypatch.undo()
    assert reader.understand(b"x").rule == "nothing that we know"


def test_who_closes_the_line_and_lives_on_is_ended(monkeypatch, reader):
    monkeypatch.setattr(bounded, "_START", "import os, time; os.write(0, bytes(4)); os.close(0); time.sleep(600)")
    assert reader.understand(b"x").unread == "its reader broke down"


def test_threads_get_each_their_own_answer(possessed):
    words = [f"message {number}" for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        told = threads.map(lambda word: possessed.understand(word.encode()).rule.partition(" ")[2], words)
    assert list(told) == words


def test_a_forked_process_has_its_own(possessed):
    forked = """
        import os, sys
        from pipeline.feedback import bounded
        before = bounded.understand(b"x")
        ours = bounded._READER._process.process.pid
        pid = os.fork()
        told = bounded.understand(b"x")
        theirs = bounded._READER._process.process.pid
        assert told == before and (theirs == ours) == (pid != 0)
        if pid == 0:
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert bounded.understand(b"x") == before
    """
    subprocess.run([sys.executable, "-W", "error", "-c", dedent(forked)], check=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_with_its_parent_however_that_dies(busy):
    orphan = """
        import sys
        from pipeline.feedback import bounded
        bounded._START = sys.argv[2]
        bounded.understand(b"x")
        print(bounded._READER._process.process.pid, flush=True)
        if sys.argv[1] == "True":
            bounded.understand(b"loop")
        sys.stdin.read()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", dedent(orphan), str(busy), POSSESSED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with parent:
        pid = int(parent.stdout.readline())
        assert lives(pid)
        kill(parent.pid)
    until(lambda: not lives(pid), seconds=20, what="the reader's end")


def lives(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_who_stops_a_service_does_not_stop_its_reader(reader):
    """systemd sends SIGTERM to every process of a service; a worker wants to end what it has begun."""
    reader.understand(b"x")
    process = reader._process
    for signum in (signal.SIGTERM, signal.SIGINT):
        os.kill(process.process.pid, signum)
    assert reader.understand(b"x").rule
    assert reader._process is process


def test_its_processes_leave_no_zombie(possessed):
    pids = []
    for message in (b"x", b"die", b"y"):
        possessed.understand(message)
        pids += [possessed._process.process.pid] if possessed._process else []
    possessed.close()
    assert len(set(pids)) == 2
    for pid in pids:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_what_no_database_takes_does_not_come_through():
    told = json.dumps({"kind": "other", "recipients": [], "rule": "a\0b\ud800"})
    assert wire.decode(told.encode()).rule == "a\ufffdb?"


# -- what goes over the line

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
meanings = st.builds(
    Meaning,
    reason=st.sampled_from(Reason),
    reason_sisimai=text,
    hard=st.booleans(),
    fault=st.sampled_from(Fault),
    rule=text,
)
recipients = st.builds(Recipient, address=text, status=text, action=text, diagnostic=text, meaning=meanings)
findings = st.builds(
    Understood,
    kind=st.sampled_from(Kind),
    recipients=st.lists(recipients, max_size=3).map(tuple),
    returned_id=text,
    in_reply_to=text,
    rule=text,
    unread=text,
)


@given(findings)
def test_it_comes_back_as_it_was(understood):
    assert wire.decode(wire.encode(understood)) == understood


@given(st.recursive(st.none() | st.booleans() | text, lambda inner: st.lists(inner) | st.dictionaries(text, inner)))
def test_anything_else_is_refused(told):
    with pytest.raises(wire.NoAnswerError):
        wire.decode(json.dumps(told).encode())


def test_every_codec_is_there():
    assert {codecs.lookup(name).name for name in mime.CHARSETS} == mime.CHARSETS
