"""One large send: whether it is as fast at its end as near its start, what memory it takes, and what freezing costs.

Deliveries go into the faster sink. A tenth of the send is a slice: the rate of the last is told beside that of the
second (the first one begins). Freezing is told beside an INSERT of the same finished rows, from a table into the same
table with the same indexes, in interleaved rounds.
"""

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from bench import cpu, deliver
from bench.installation import installation
from bench.options import Options
from bench.rounds import seconds

FREEZES = 3


def run(options: Options) -> dict[str, object]:
    with deliver.sink_for(options) as sink:
        relay = f"smtp://127.0.0.1:{sink.port}?starttls=never&connections={deliver.CONNECTIONS}"
        with installation(SMTP_URL=relay) as folder:
            size = deliver.prepare(folder, options)
            freezing = _freezing(folder)
            with deliver.working(folder) as worker:
                return {**_slices(folder, worker), **freezing, "recipients": options.recipients, "message_bytes": size}


def _freezing(folder: Path) -> dict[str, object]:
    """Seconds to freeze the audience, and to insert the very rows that came of it."""
    from pipeline import transitions
    from pipeline.queries.sql import execute

    ours, reference = list[float](), list[float]()
    for _ in range(FREEZES):
        send = _send(folder)
        ours.append(seconds(partial(transitions.start_send, send)))
        execute("CREATE TABLE frozen AS SELECT * FROM pipeline_delivery WHERE send_id = %s", [send])
        execute("DELETE FROM pipeline_delivery")
        execute("VACUUM pipeline_delivery")
        reference.append(seconds(lambda: execute("INSERT INTO pipeline_delivery SELECT * FROM frozen")))
        execute("DROP TABLE frozen")
        execute("DELETE FROM pipeline_delivery")
        execute("VACUUM pipeline_delivery")
        transitions.cancel_send(send, actor="bench", why="frozen")
    ratios = [mine / theirs for mine, theirs in zip(ours, reference, strict=True)]
    return {
        "freeze_seconds": round(median(ours), 2),
        "insert_seconds": round(median(reference), 2),
        "freeze_ratio": round(median(ratios), 2),
    }


def _slices(folder: Path, worker: int) -> dict[str, object]:
    from pipeline import tasks
    from pipeline.models import Send
    from pipeline.queries.sql import rows

    send = _send(folder)
    tasks.ring_sweep()
    memory = [cpu.memory_of_tree(worker)]
    while Send.objects.values_list("state", flat=True).get(pk=send) != "finished":
        memory.append(cpu.memory_of_tree(worker))
        time.sleep(1)
    lengths = rows(
        "SELECT slice, count(*), extract(epoch FROM max(updated_at) - min(updated_at)) FROM ("
        " SELECT updated_at, ntile(10) OVER (ORDER BY updated_at) AS slice FROM pipeline_delivery"
        " WHERE send_id = %s AND state = 'accepted') AS handed_over GROUP BY slice ORDER BY slice",
        [send],
    )
    rates = [float(number / length) for _, number, length in lengths]
    return {
        "rate": round(sum(number for _, number, _ in lengths) / sum(float(length) for *_, length in lengths), 1),
        "rate_second_tenth": round(rates[1], 1),
        "rate_last_tenth": round(rates[-1], 1),
        "last_to_second": round(rates[-1] / rates[1], 2),
        "worker_mb_after_each_fifth": [memory[(len(memory) - 1) * fifth // 5] >> 20 for fifth in range(1, 6)],
    }


def _send(folder: Path) -> int:
    from pipeline.sending import Plan, create_send, file_issue

    issue = file_issue(folder / "issue.md", update=False)
    return create_send([issue], Plan(lists=["all"], due_at=datetime.now(UTC), approved_by="bench")).pk
