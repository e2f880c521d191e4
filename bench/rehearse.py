"""Readers per second of a rehearsal, from the database to the verdict, beside the standard library making one each."""

import io
from datetime import UTC, datetime
from functools import partial

from bench import sample
from bench.installation import installation
from bench.options import Options
from bench.rounds import compare, seconds

THEIRS = 50


def run(options: Options) -> dict[str, object]:
    with installation():
        from pipeline.rehearsing import rehearse
        from pipeline.sending import Plan, file_issue
        from subscribers.importing import Origin, import_people

        rows = "email,first_name\n" + "".join(f"p{i}@d{i % 50}.example,N{i}\n" for i in range(options.recipients))
        origin = Origin(source="bench", by="bench", at=datetime.now(UTC))
        import_people(io.BytesIO(rows.encode()), list_slug="all", origin=origin, create=True)
        issue = file_issue(sample.FILE, update=False)
        plan = Plan(lists=["all"], due_at=datetime.now(UTC), approved_by="bench")
        made, ours, reference = sample.compiled(), [], []
        once = partial(rehearse, [issue], plan, go_on=lambda _: True)
        theirs = partial(sample.by_the_standard_library, made.html, made.text)
        for _ in range(options.rounds):
            ours.append(options.recipients / seconds(once))
            reference.append(THEIRS / seconds(lambda: [theirs() for _ in range(THEIRS)]))
        return {**compare(ours, reference, digits=0), "recipients": options.recipients}
