"""Whatever is killed, the books close: nobody is missing, nobody gets it twice unless the books name them."""

import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable

from house import House, children, kill, until
from relay import RecordingRelay

PEOPLE = 3_000
CONNECTIONS = 4


def start_worker(house: House) -> subprocess.Popen[bytes]:
    worker = house.start("worker", "--children", "2")
    until(lambda: len(children(worker.pid)) >= 3, what="the worker's start")
    return worker


class Watch(threading.Thread):
    """Counts the send's deliveries all the time, by the statement of `status`: they must always add up."""

    def __init__(self, house: House, send: int) -> None:
        super().__init__(daemon=True)
        self._house, self._send = house, send
        self.ended = threading.Event()
        self.sums: Counter[int] = Counter()

    def run(self) -> None:
        with self._house.database() as database:
            while not self.ended.wait(0.01):
                counts = database.execute(
                    "SELECT state, reason, count(*) FROM pipeline_delivery WHERE send_id = %s GROUP BY state, reason",
                    [self._send],
                ).fetchall()
                if counts:
                    self.sums[sum(n for _, _, n in counts)] += 1


def test_killing_children_and_workers_loses_nobody_and_repeats_only_what_the_books_name(
    make_house: Callable[..., House], tmp_path
):
    rng = random.Random(20)
    with RecordingRelay(tmp_path, delay_ms=20) as relay:
        house = make_house(
            SMTP_URL=f"{relay.url}?connections={CONNECTIONS}", UNCERTAIN_WAIT="3s", LEASE="20s", RETRY="1s,2s"
        )
        emails = [f"p{number}@d{number % 40}.example" for number in range(PEOPLE)]
        house.import_people(emails)
        worker = start_worker(house)
        send = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        watch = Watch(house, send)
        watch.start()
        relay.wait_for(50)
        uncertain_after_kill = []

        for what in ["child"] * 4 + ["worker"] + ["child"] * 3 + ["worker"] + ["child"] * 3 + ["worker"]:
            relay.grown_by(rng.randrange(30, 90))
            busy = until(lambda: leases(house), what="a child at work")
            if what == "child":  # one that holds a lease: killing an idle one would prove nothing
                lost = rng.choice(list(busy))
                assert kill(busy[lost])
                closed = [lost]
            else:
                for pid in [worker.pid, *children(worker.pid)]:
                    kill(pid)
                worker.wait()
                worker, closed = start_worker(house), list(busy)
            until(lambda closed=closed: not leases(house).keys() & set(closed), what="taking back from the dead")
            uncertain_after_kill.append(sum(in_doubt(house, lease) for lease in closed))

        until(lambda: state_of(house, send) == "finished", seconds=240, what="the end of the send")
        watch.ended.set()
        watch.join()
        copies = Counter(entry["rcpt"] for entry in relay.received())

    ledger = {row["email"]: row for row in house.json("ledger", str(send))}
    status = house.json("status", str(send))

    assert set(copies) == set(emails)
    assert {email for email, n in copies.items() if n > 1} <= {
        e for e, row in ledger.items() if row["retried"] == "true"
    }
    assert max(copies.values()) <= 2
    assert max(uncertain_after_kill) <= CONNECTIONS
    assert set(watch.sums) == {PEOPLE}
    assert sum(watch.sums.values()) > 100
    assert house.run("audit", str(send)).stdout.endswith("audit: ok\n")
    # Who was on the wire again when a worker was killed, for the second time, is not mailed a third time.
    held = {email for email, row in ledger.items() if row["state"] == "held"}
    assert all(ledger[email]["retried"] == "true" for email in held)
    assert len(held) <= CONNECTIONS
    assert status["counts"] == Counter(accepted=PEOPLE - len(held), held=len(held)) + Counter()


def leases(house: House) -> dict[int, int]:
    """Lease → the process that holds it."""
    with house.database() as database:
        return {
            pk: int(owner.rpartition(":")[2]) for pk, owner in database.execute("SELECT id, owner FROM pipeline_lease")
        }


def in_doubt(house: House, lease: int) -> int:
    """How many deliveries became uncertain with this lease, by the audit trail."""
    with house.database() as database:
        rows = database.execute(
            "SELECT jsonb_array_length(detail -> 'uncertain') FROM pipeline_auditevent"
            " WHERE action = 'lease.lost' AND subject = %s",
            [f"lease:{lease}"],
        ).fetchall()
    return sum(number for (number,) in rows)


def state_of(house: House, send: int) -> str:
    with house.database() as database:
        return str(database.execute("SELECT state FROM pipeline_send WHERE id = %s", [send]).fetchone()[0])
