"""The real path, Celery and ledger and all, into a sink, beside smtp-source into the same sink in the same rounds.

Rates are the sink's own count from its first message to its last; Postfix counts nothing, so there it is the time that
smtp-source takes, and that of the send by the ledger.
"""

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import cpu, relays
from bench.installation import installation
from bench.options import Options
from bench.rounds import compare, seconds

CONNECTIONS = 4
SENDER_DOMAIN = "city.example"
BY_MILLISECOND = 0.2
"""Further connections for each millisecond of a round trip: a rate of 1,000 a second needs one per millisecond."""
PADDING = "Cities measure, plan and learn; what one of them finds out helps all the others to decide. "
LOOK_AGAIN = 0.05
LOOK_INTO_BOOKS_AGAIN = 0.5
"""Seconds: counting what is in flight costs the database several milliseconds, which the send has to share."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One send: messages per second, CPU seconds of workers and of the servers, most in flight at a time."""

    rate: float
    workers: float
    servers: float
    window: int


def run(options: Options) -> dict[str, object]:
    connections = CONNECTIONS + round(options.rtt * BY_MILLISECOND * CONNECTIONS)
    with sink_for(options) as sink:
        relay = f"smtp://127.0.0.1:{sink.port}?starttls=never&connections={connections}"
        with installation(SMTP_URL=relay) as folder:
            size = prepare(folder, options)
            ours, reference = list[Sent](), list[float]()
            with working(folder) as worker:
                for _ in range(options.rounds):
                    reference.append(_smtp_source(sink, 4 if options.postfix else 16, options.recipients, size))
                    ours.append(_send(folder, sink, worker))
    thousands = options.recipients / 1000
    return {
        **compare([sent.rate for sent in ours], reference),
        "recipients": options.recipients,
        "message_bytes": size,
        "connections": connections,
        "in_flight": max(sent.window for sent in ours),
        "cpu_s_per_1000": round(median(sent.workers + sent.servers for sent in ours) / thousands, 3),
        "cpu_s_per_1000_workers": round(median(sent.workers for sent in ours) / thousands, 3),
        "cpu_s_per_1000_servers": round(median(sent.servers for sent in ours) / thousands, 3),
    }


@contextmanager
def sink_for(options: Options) -> Iterator[relays.Sink]:
    with ExitStack() as around:
        folder = Path(around.enter_context(tempfile.TemporaryDirectory(prefix="pressrun-sink-")))
        folder.chmod(0o755)  # Postfix's own users must reach theirs
        if options.postfix:
            sink = around.enter_context(relays.postfix(folder))
        elif options.sink == "ours":
            sink = around.enter_context(relays.our_sink(folder))
        else:
            sink = around.enter_context(relays.smtp_sink())
        yield around.enter_context(relays.delayed(sink, options.rtt)) if options.rtt else sink


def prepare(folder: Path, options: Options) -> int:
    """People and an issue whose message is about 60 KB; its size."""
    from pipeline.content.message import load
    from pipeline.sending import file_issue, make_proof
    from subscribers.importing import Origin, import_people

    rows = "email,first_name\n" + "".join(f"p{i}@d{i % 50}.example,N{i}\n" for i in range(options.recipients))
    origin = Origin(source="bench", by="bench", at=datetime.now(UTC))
    import_people(io.BytesIO(rows.encode()), list_slug="all", origin=origin, create=True)
    if options.dkim:
        _sign()
    (folder / "issue.md").write_text(_issue(), encoding="utf-8")
    proof = make_proof(file_issue(folder / "issue.md", update=False))
    return sum(map(len, load(bytes(proof.packed)).segments))


def _sign() -> None:
    """Have every message signed with an RSA key, without asking anybody's DNS for its record."""
    from pipeline import rotation

    rotation.new_keys(SENDER_DOMAIN, ed25519=False, selector="", today=datetime.now(UTC).date(), actor="bench")
    rotation.start_keys(SENDER_DOMAIN, lambda *_: (), unseen=True, actor="bench")


def _issue() -> str:
    articles = "\n\n".join(
        f'## Article {n}\n\nDear {{{{ first_name | default("reader") }}}},\n\n{PADDING * 4}' for n in range(21)
    )
    return (
        "---\nnewsletter:\n  slug: bench\n  name: Bench\n"
        f"  sender: {{name: Bench, address: desk@{SENDER_DOMAIN}}}\n"
        "  postal_address: 1 Town Square\n  language: en\nnumber: 1\ndate: 2026-11-22\nlanguage: en\n"
        f"title: Bench\nsubject: A benchmark\npreheader: Of delivery\n---\n# News\n\n{articles}\n"
    )


def _send(folder: Path, sink: relays.Sink, worker: int) -> Sent:
    from pipeline import tasks
    from pipeline.models import Send
    from pipeline.sending import Plan, create_send, file_issue

    issue = file_issue(folder / "issue.md", update=False)
    sink.clear()
    before = cpu.of_tree(worker), cpu.of_folder(folder / "services")
    send = create_send([issue], Plan(lists=["all"], due_at=datetime.now(UTC), approved_by="bench"))
    tasks.ring_sweep()
    window = 0
    while Send.objects.values_list("state", flat=True).get(pk=send.pk) != "finished":
        window = max(window, _in_flight(send.pk))
        time.sleep(LOOK_INTO_BOOKS_AGAIN)
    after = cpu.of_tree(worker), cpu.of_folder(folder / "services")
    return Sent(_rate(sink, send.pk), after[0] - before[0], after[1] - before[1], window)


def _in_flight(send_id: int) -> int:
    from pipeline.queries.sql import rows

    statement = "SELECT count(*) FROM pipeline_delivery WHERE send_id = %s AND state = 'in_flight'"
    return int(rows(statement, [send_id])[0][0])


def _rate(sink: relays.Sink, send_id: int) -> float:
    from pipeline.queries.sql import rows

    [(messages, length)] = rows(
        "SELECT count(*), extract(epoch FROM max(d.updated_at) - min(s.started_at)) FROM pipeline_delivery d"
        " JOIN pipeline_send s ON s.id = d.send_id WHERE s.id = %s AND d.state = 'accepted'",
        [send_id],
    )
    if sink.count is None:
        return float(messages / length)
    counted, length = sink.count()
    if counted != messages:
        sys.exit(f"the sink counted {counted} messages, the books {messages}")
    return counted / length


def _wait_for_a_sweep() -> None:
    """The worker works: what starting it costs belongs to no round."""
    from pipeline.delivery.sweep import last_sweep_seconds

    while last_sweep_seconds() is None:
        time.sleep(LOOK_AGAIN)


def _smtp_source(sink: relays.Sink, sessions: int, messages: int, size: int) -> float:
    program = relays.program("smtp-source")
    command = [program, "-d", "-s", str(sessions), "-l", str(size), "-m", str(messages), f"127.0.0.1:{sink.port}"]
    sink.clear()
    length = seconds(lambda: subprocess.run(command, check=True))
    if sink.count is None:
        return messages / length
    while sink.count()[0] < messages:
        time.sleep(LOOK_AGAIN)
    return messages / sink.count()[1]


@contextmanager
def working(folder: Path) -> Iterator[int]:
    command = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())", "worker"]
    with (folder / "worker.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as worker:
        try:
            _wait_for_a_sweep()
            yield worker.pid
        finally:
            worker.terminate()
