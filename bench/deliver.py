"""The real path, Celery and ledger and all, into Postfix's smtp-sink, beside smtp-source into the same kind of sink."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.installation import installation
from bench.rounds import compare, seconds

CONNECTIONS = 4
PADDING = "Cities measure, plan and learn; what one of them finds out helps all the others to decide. "


def run(*, rounds: int, recipients: int) -> dict[str, object]:
    sink_program, source_program = _program("smtp-sink"), _program("smtp-source")
    port = _free_port()
    relay = f"smtp://127.0.0.1:{port}?starttls=never&connections={CONNECTIONS}"
    with installation(SMTP_URL=relay, SWEEP="1s") as folder, _sink(sink_program, port), _worker(folder):
        size = _prepare(folder, recipients)
        ours, reference = [], []
        for _ in range(rounds):
            reference.append(_smtp_source(source_program, port, recipients, size))
            ours.append(recipients / _send(folder))
        return {**compare(ours, reference), "recipients": recipients, "message_bytes": size}


def _prepare(folder: Path, recipients: int) -> int:
    """People and an issue whose message is about 60 KB; its size."""
    from pipeline.content.message import load
    from pipeline.sending import file_issue, make_proof
    from subscribers.importing import Origin, import_people

    rows = "email,first_name\n" + "".join(f"p{i}@d{i % 50}.example,N{i}\n" for i in range(recipients))
    origin = Origin(source="bench", by="bench", at=datetime.now(UTC))
    import_people(io.BytesIO(rows.encode()), list_slug="all", origin=origin, create=True)
    (folder / "issue.md").write_text(_issue(), encoding="utf-8")
    proof = make_proof(file_issue(folder / "issue.md", update=False))
    return sum(map(len, load(bytes(proof.packed)).segments))


def _issue() -> str:
    articles = "\n\n".join(
        f'## Article {n}\n\nDear {{{{ first_name | default("reader") }}}},\n\n{PADDING * 4}' for n in range(24)
    )
    return (
        "---\nnewsletter:\n  slug: bench\n  name: Bench\n  sender: {name: Bench, address: desk@city.example}\n"
        "  postal_address: 1 Town Square\n  language: en\nnumber: 1\ndate: 2026-11-22\nlanguage: en\n"
        f"title: Bench\nsubject: A benchmark\npreheader: Of delivery\n---\n# News\n\n{articles}\n"
    )


def _send(folder: Path) -> float:
    """Seconds from the start of a send to the last reply in the books."""
    from pipeline import tasks
    from pipeline.models import Send
    from pipeline.queries.sql import rows
    from pipeline.sending import Plan, create_send, file_issue

    issue = file_issue(folder / "issue.md", update=False)
    send = create_send([issue], Plan(lists=["all"], due_at=datetime.now(UTC), approved_by="bench"))
    tasks.ring_sweep()
    while Send.objects.values_list("state", flat=True).get(pk=send.pk) != "finished":
        time.sleep(0.05)
    [(length,)] = rows(
        "SELECT extract(epoch FROM max(d.updated_at) - s.started_at) FROM pipeline_delivery d"
        " JOIN pipeline_send s ON s.id = d.send_id WHERE s.id = %s AND d.state = 'accepted' GROUP BY s.started_at",
        [send.pk],
    )
    return float(length)


def _smtp_source(program: str, port: int, messages: int, size: int) -> float:
    command = [program, "-d", "-s", "16", "-l", str(size), "-m", str(messages), f"127.0.0.1:{port}"]
    return messages / seconds(lambda: subprocess.run(command, check=True))


@contextmanager
def _sink(program: str, port: int) -> Iterator[None]:
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([program, *user, f"127.0.0.1:{port}", "512"]) as sink:
        try:
            while not _listens(port):
                time.sleep(0.02)
            yield
        finally:
            sink.terminate()


@contextmanager
def _worker(folder: Path) -> Iterator[None]:
    command = [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())", "worker"]
    with (folder / "worker.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as worker:
        try:
            yield
        finally:
            worker.terminate()


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        sys.exit(f"{name} is missing; it comes with Debian's postfix package.")
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
