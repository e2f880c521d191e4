"""Where faults happen: an installation with workers, a relay in another process that writes down what it takes, and
the balance that is drawn after every fault.
"""

import csv
import io
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from house import House, children, until
from relay import RecordingRelay

NOBODY_GETS = {"skipped", "rejected", "cancelled", "expired"}
"""States of people whose message the relay must not have."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much faster than life. `speed` 1 is life itself: the settings stay those that Pressrun comes with."""

    speed: int = 15

    def seconds(self, in_life: float) -> float:
        """What so many seconds of life last here."""
        return in_life / self.speed

    def variables(self, **in_life: str) -> dict[str, str]:
        """Settings of a house. Beside the scale, those of `in_life` stand where the default would still be too long."""
        if self.speed == 1:
            return {}
        return {"DEBUG": "1", "TIME_SCALE": f"{1 / self.speed:.6f}", "UNCERTAIN_WAIT": "1m", **in_life}


class Stage:
    """An installation and what is looked at there. Each send has people, a list, a relay and a transport of its own."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self._folder = house, folder
        self._relays = ExitStack()
        self._number = 0
        self.relay: RecordingRelay
        self.send_id = 0
        self.worker: subprocess.Popen[bytes]
        self._list = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the relays, and every send that still goes on, so that whoever comes next has the stage alone."""
        with self.house.database() as database:
            going = database.execute(
                "SELECT id FROM pipeline_send WHERE state NOT IN ('finished', 'cancelled')"
            ).fetchall()
        for (send,) in going:
            self.house.run("cancel", str(send), "--why", "the test is over", status=None)
        self._relays.close()

    # Who is there

    def work(self, children_wanted: int = 2) -> subprocess.Popen[bytes]:
        """Start a worker and wait until its children are there."""
        self.worker = worker = self.house.start("worker", "--children", str(children_wanted))
        until(lambda: len(children(worker.pid)) > children_wanted, what="the worker's start")
        return worker

    def answer(self, script: Mapping[str, Any] | None = None, **options: object) -> RecordingRelay:
        """Start a relay for the next send."""
        self._number += 1
        folder = self._folder / f"relay{self._number}"
        folder.mkdir()
        self.relay = self._relays.enter_context(RecordingRelay(folder, script=script, **options))
        return self.relay

    def through(self, url: str, *, sends: Sequence[int] = ()) -> None:
        """Let these sends, and those that are made from now on, go through a relay of which nothing is known yet."""
        self.rows("UPDATE pipeline_transport SET name = 'former ' || id WHERE name = 'default' RETURNING id")
        [(transport,)] = self.rows(
            "INSERT INTO pipeline_transport (name, url, egress_ips, backoff_reason, backoff_count)"
            " VALUES ('default', %s, '{}', '', 0) RETURNING id",
            url,
        )
        self.rows("UPDATE pipeline_send SET transport_id = %s WHERE id = ANY(%s) RETURNING id", transport, list(sends))

    def import_people(self, emails: Sequence[str], *, to: str = "") -> str:
        """People on a list: a new one without a name. Gives its name; the next send goes to the last list."""
        self._list = to or f"list{self.rows('SELECT count(*) FROM subscribers_list')[0][0]}"
        self.house.import_people(emails, to=self._list)
        return self._list

    def suppress(self, emails: Sequence[str]) -> None:
        path = self._folder / "suppressed.csv"
        path.write_text("\n".join(["email", *emails]))
        self.house.run("import", str(path), "--suppress", "manual")

    def send(self, *words: str, to: Sequence[str] = (), query: str = "connections=4", url: str = "") -> int:
        """A send through the relay that was started last, due now. Gives its number. `url` may hold `{port}`."""
        self.through((url or self.relay.url + f"?{query}").replace("{port}", str(self.relay.port)))
        lists = [word for name in to or [self._list] for word in ("--list", name)]
        said = self.house.json("send", str(self.house.write_issue()), *lists, *words, status=None)
        self.send_id = said["send"]  # which may be paused by now
        return self.send_id

    def begin_and_pause(self) -> None:
        """A send of which some have their mail, and which rests."""
        self.answer(delay_ms=10)
        self.send(query="connections=2&rate=50")
        self.relay.wait_for(5)
        self.pause()
        assert self.counts()["pending"], "it was over before it could be paused"

    def pause(self) -> None:
        self.house.run("pause", str(self.send_id), "--why", "a look")
        self.wait_for(self.resting, "a rest")

    def go_on(self, query: str = "connections=4") -> None:
        self.through(f"{self.relay.url}?{query}", sends=[self.send_id])
        self.house.run("resume", str(self.send_id))

    # What is to be seen

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self.house.database() as database:
            return database.execute(statement, values).fetchall()

    def state(self) -> str:
        return self.rows("SELECT state FROM pipeline_send WHERE id = %s", self.send_id)[0][0]

    def counts(self) -> Counter[str]:
        """The send's people by state."""
        found = self.rows("SELECT state, count(*) FROM pipeline_delivery WHERE send_id = %s GROUP BY 1", self.send_id)
        return Counter(dict(found))

    def says(self, email: str) -> str:
        """state/reason of one person."""
        [(said,)] = self.rows(
            "SELECT state || '/' || reason FROM pipeline_delivery WHERE send_id = %s AND email = %s",
            self.send_id, email,
        )  # fmt: skip
        return said

    def status(self) -> dict[str, Any]:
        return self.house.json("status", str(self.send_id))

    def copies(self) -> Counter[str]:
        """Address → how often the relay took a message for it."""
        return Counter(entry["rcpt"] for entry in self.relay.received())

    def leases(self) -> dict[int, int]:
        """Lease → the process that holds it."""
        found = self.rows("SELECT id, owner FROM pipeline_lease WHERE send_id = %s", self.send_id)
        return {pk: int(owner.rpartition(":")[2]) for pk, owner in found}

    def children(self) -> list[int]:
        """The processes of the worker."""
        return children(self.worker.pid)

    def resting(self) -> bool:
        """Whether nobody works on it any more."""
        return not self.leases() and not {"claimed", "in_flight"} & set(self.counts())

    def wait_for(self, condition: Callable[[], Any], what: str, *, seconds: float = 60) -> Any:
        """Fails with what the books say then."""
        try:
            return until(condition, seconds=seconds, what=what)
        except AssertionError as late:
            raise AssertionError(f"{late}; the send is {self.state()}: {dict(self.counts())}") from late

    # What must be true

    def finish(self, *, seconds: float = 90) -> dict[str, dict[str, str]]:
        """To the end of the send, and the balance; gives the ledger by address."""
        self.wait_for(lambda: self.state() == "finished", "the end of the send", seconds=seconds)
        return self.balance()

    def balance(self) -> dict[str, dict[str, str]]:
        """The invariants in the books, and the books against the relay's log: nobody is lost, nobody has a second copy
        but those that the books name. Gives the ledger by address.
        """
        said = self.house.run("audit", str(self.send_id), status=None)
        assert said.stdout.endswith("audit: ok\n"), said.stdout + said.stderr
        ledger = {row["email"]: row for row in csv.DictReader(io.StringIO(self._ledger()))}
        taken: dict[str, list[str]] = {}
        for entry in self.relay.received():
            taken.setdefault(entry["rcpt"], []).append(entry["message_id"])
        assert taken.keys() <= ledger.keys()
        wrong = {email: (row, taken.get(email, [])) for email, row in ledger.items()
                 if not _agree(row, taken.get(email, []))}  # fmt: skip
        assert wrong == {}
        return ledger

    def _ledger(self) -> str:
        return self.house.run("ledger", str(self.send_id)).stdout


def _agree(row: Mapping[str, str], message_ids: list[str]) -> bool:
    """Whether one person's row and what the relay took for them can both be true."""
    if len(set(message_ids)) > 1 or len(message_ids) > (2 if row["retried"] == "true" else 1):
        return False
    if message_ids and row["message_id"] != message_ids[0]:
        return False
    if row["state"] in NOBODY_GETS:
        return not message_ids
    return bool(message_ids) if row["state"] == "accepted" and row["reason"] == "taken" else True


def stop(pid: int) -> None:
    with suppress(ProcessLookupError):  # its lease outlives it for a moment
        os.kill(pid, signal.SIGSTOP)


def wake(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
