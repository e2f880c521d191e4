"""The demo, read from top to bottom."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from csv import writer
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pipeline.commands.demo.readers import Reader, citizens, experts
from pipeline.errors import PressrunError

SAMPLE: Final = Path(__file__).resolve().parents[3] / "docs" / "sample"
EDITIONS: Final = ("issue-20.ko.md", "issue-20.en.md")
RATE: Final = 250
"""Messages per second: slow enough that somebody can leave while the send runs."""
PARTS: Final = ("inbox", "inbound", "worker", "web")
SECONDS_AT_MOST: Final = 120
MARK: Final = "this-is-a-demo"


class DemoError(PressrunError):
    """The demo did not come to its end."""


class Demo:
    """One run in `home`, which is made anew."""

    def __init__(self, home: Path, console: Console) -> None:
        self._home, self._console = home, console
        self._ports = dict(zip(PARTS, _free_ports(len(PARTS)), strict=True))

    def run(self) -> dict[str, Any]:
        """Everything; returns the status document of the send with `audit` beside it."""
        began = time.monotonic()
        self._fresh_home()
        self._export()
        with self._step("Starting PostgreSQL and Redis, making the tables"):
            from pipeline.commands import environment

            environment.prepare()
        with ExitStack() as parts:
            with self._step("Starting the inbox, inbound mail, a worker and the pages"):
                parts.enter_context(_parts(self._ports, self._home))
            with self._step("Importing 2,000 readers on two lists"):
                self._people()
            with self._step("Compiling issue No. 20 in Korean and English"):
                send_id = self._send()
            self._watch(send_id)
            with self._step("Waiting for bounces to come back"):
                self._await_bounces(send_id)
        return self._close(send_id, began)

    # Before

    def _fresh_home(self) -> None:
        if self._home.exists():
            if not (self._home / MARK).exists():
                raise DemoError(f"{self._home} is there and is not a demo's. Nothing was touched. Move it away.")
            from pipeline import embedded

            embedded.attach(self._home)  # a demo that was killed may still have its services
            embedded.detach(stop=True)
            shutil.rmtree(self._home)
        self._home.mkdir(parents=True)
        (self._home / MARK).touch()

    def _export(self) -> None:
        """Nothing of the caller's own installation is touched: only our settings count."""
        for name in [name for name in os.environ if name.startswith("PRESSRUN_")]:
            del os.environ[name]
        os.environ |= {
            "PRESSRUN_HOME": str(self._home),
            "PRESSRUN_BASE_URL": f"http://127.0.0.1:{self._ports['web']}",
            "PRESSRUN_SMTP_URL": f"smtp://127.0.0.1:{self._ports['inbox']}?starttls=never&rate={RATE}",
            "PRESSRUN_RETRY": "2s,5s",
            "PRESSRUN_UNCERTAIN_WAIT": "4s",
            "PRESSRUN_SWEEP": "1s",
        }

    def _people(self) -> None:
        from subscribers import importing
        from subscribers import transitions as people
        from subscribers.addresses import parse_address
        from subscribers.models import List

        now = datetime.now(UTC)
        origin = importing.Origin(source="demo", by="the demo", at=now)
        for slug, group in (("citizens", citizens()), ("experts", experts())):
            # Every hundredth stands in the file twice, the second time in capitals.
            shouted = [Reader(r.email.upper(), r.first_name, r.last_name, r.language) for r in group[::100]]
            importing.import_people(_csv([*group, *shouted]), list_slug=slug, origin=origin, create=True)
        importing.import_suppressions(_csv(citizens()[7::190]), reason="manual", origin=origin)
        double = List.objects.create(slug="newcomers", name="Newcomers", opt_in=List.OptIn.DOUBLE)
        for number in range(12):
            person = people.add_person(parse_address(f"newcomer-{number}@sejong.example"), language="ko")
            people.subscribe(person, to=double, text="Smart City Issue", source="demo", by="the demo", at=now)

    def _send(self) -> int:
        from pipeline import tasks
        from pipeline.sending import Plan, create_send, file_issue

        issues = [file_issue(SAMPLE / name, update=False) for name in EDITIONS]
        lists = ["citizens", "experts", "newcomers"]
        # Without brakes: so many of the made-up addresses are dead that they might stop it, as they should a real one.
        plan = Plan(lists=lists, due_at=datetime.now(UTC), approved_by="the demo", brakes=False)
        send = create_send(issues, plan)
        tasks.ring_sweep()
        return int(send.pk)

    # While it runs

    def _watch(self, send_id: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        from pipeline.commands import status
        from pipeline.models import OPEN_STATES

        left = False
        columns = (TextColumn("  {task.description:45}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._console) as progress:
            bar = progress.add_task("Sending", total=None)

            def going() -> bool:
                nonlocal left
                document = status.document(send_id)
                undone = sum(document["counts"].get(state, 0) for state in OPEN_STATES)
                progress.update(bar, total=document["audience"] or None, completed=document["audience"] - undone)
                left = left or (undone > 0 and document["counts"].get("accepted", 0) > 0 and self._one_leaves(send_id))
                return not status.ended(document["state"])

            _until(lambda: not going(), "the send")

    def _one_leaves(self, send_id: int) -> bool:
        """Somebody who is still to be written to clicks "unsubscribe" in the mail of an earlier issue."""
        from pipeline.keys import keyring
        from pipeline.models import Delivery, Send
        from pipeline.tokens import Purpose

        last = (
            Delivery.objects.filter(send_id=send_id, state="pending", email__startswith="reader-")
            .order_by("-id")
            .first()
        )
        if last is None:
            return False
        newsletter = Send.objects.values_list("newsletter_id", flat=True).get(pk=send_id)
        token = keyring().sign(Purpose.UNSUBSCRIBE, 0, 0, last.subscriber_id, newsletter)
        url = f"{os.environ['PRESSRUN_BASE_URL']}/u/{token}"
        request = urllib.request.Request(url, data=b"List-Unsubscribe=One-Click", method="POST")  # noqa: S310 (our own)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return bool(answer.status == 200)

    def _await_bounces(self, send_id: int) -> None:
        """Every reader who sends something back has been heard."""
        from pipeline.models import Delivery, Feedback

        returning = ("bounce-", "full-", "away-")
        accepted = Delivery.objects.filter(send_id=send_id, state="accepted").values_list("email", flat=True)
        expected = sum(email.startswith(returning) for email in accepted)
        _until(lambda: Feedback.objects.count() >= expected, f"the return of {expected} messages")

    # After

    def _close(self, send_id: int, began: float) -> dict[str, Any]:
        from pipeline.commands import output, status
        from pipeline.queries import audit

        send, document = output.find_send(send_id), status.document(send_id)
        findings = audit(send_id)
        good = all(found.ok for found in findings) and document["state"] == "finished"
        self._console.print(output.books_table(send, document))
        self._console.print(_bounces(document))
        for found in findings:
            if not found.ok:
                self._console.print(f"{found.invariant}: {found.detail}")
        self._console.print(f"audit: {'ok' if good else 'FAILED'}", highlight=False)
        here = os.path.relpath(self._home)
        self._console.print(
            f"\nIt took {time.monotonic() - began:.0f} s. The messages are files in {here}/inbox/new."
            f"\nTo walk through the pages: PRESSRUN_HOME={here} .venv/bin/pressrun up",
            highlight=False,
        )
        return document | {"audit": "ok" if good else "failed"}

    @contextmanager
    def _step(self, text: str) -> Iterator[None]:
        began = time.monotonic()
        with self._console.status(f"  {text}"):
            yield
        self._console.print(f"  {text:60} {time.monotonic() - began:5.1f} s", highlight=False)


def _bounces(document: dict[str, Any]) -> Table:
    from pipeline.staff.books import reason_label

    table = Table(title="What came back", title_justify="left")
    table.add_column("what")
    table.add_column("messages", justify="right")
    for reason, number in document["feedback"]["bounced"].items():
        table.add_row(f"bounced: {reason_label(reason)}", f"{number:,}")
    for reason, number in document["reasons"].get("rejected", {}).items():
        table.add_row(f"refused at once: {reason_label(reason)}", f"{number:,}")
    table.add_row("tried once more after a broken connection", f"{document['feedback']['retried']:,}")
    return table


@contextmanager
def _parts(ports: dict[str, int], home: Path) -> Iterator[None]:
    """The processes of the demo, ended in an order that leaves nobody in doubt: the inbox goes last."""
    words: dict[str, Sequence[str]] = {
        "inbox": ("--port", str(ports["inbox"]), "--returns-port", str(ports["inbound"])),
        "inbound": ("--port", str(ports["inbound"])),
        "worker": (),
        "web": ("--port", str(ports["web"])),
    }
    running: dict[str, subprocess.Popen[bytes]] = {}
    (home / "log").mkdir(exist_ok=True)
    try:
        for name in PARTS:
            with (home / "log" / f"{name}.log").open("wb") as log:
                running[name] = subprocess.Popen(  # noqa: S603 (our own command)
                    [sys.executable, "-c", _RUN, name, *words[name]], stdout=log, stderr=log, start_new_session=True
                )
        for name in ("inbox", "inbound", "web"):
            _await_port(name, ports[name], running[name], home)
        yield
    finally:
        for name in reversed(PARTS):
            running[name].send_signal(signal.SIGTERM) if name in running else None
            if name in running:
                running[name].wait(60)


_RUN: Final = "import sys; from pipeline.cli import main; sys.exit(main())"


def _await_port(name: str, port: int, process: "subprocess.Popen[bytes]", home: Path) -> None:
    _until(lambda: _listens(port) or _died(process, name, home), f"{name} to listen")


def _died(process: subprocess.Popen[bytes], name: str, home: Path) -> bool:
    if process.poll() is None:
        return False
    last = (home / "log" / f"{name}.log").read_text(errors="replace").strip().splitlines()[-1:]
    raise DemoError(f"{name} ended at once: {' '.join(last)} More in {home}/log/{name}.log.")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS_AT_MOST
    while not condition():
        if time.monotonic() > deadline:
            raise DemoError(f"After {SECONDS_AT_MOST} s {what} was not done. The logs are in log/ of the demo's home.")
        time.sleep(0.1)


def _free_ports(number: int) -> list[int]:
    """Ports that nobody uses now; all are held until the last is found, so that they differ."""
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _csv(group: Sequence[Reader]) -> io.BytesIO:
    text = io.StringIO()
    rows = writer(text)
    rows.writerow(["email", "first_name", "last_name", "language"])
    rows.writerows([each.email, each.first_name, each.last_name, each.language] for each in group)
    return io.BytesIO(text.getvalue().encode())
