"""Rows per second of an import, with its checks and consent records, beside a bare COPY of the same file."""

import csv
import io
import time
from datetime import UTC, datetime

from bench.installation import installation
from bench.options import Options
from bench.rounds import compare


def run(options: Options) -> dict[str, object]:
    rows = max(options.recipients, 20_000)
    with installation():
        from django.db import connection

        from subscribers.importing import Origin, import_people

        origin = Origin(source="bench", by="bench", at=datetime.now(UTC))
        ours, reference = [], []
        for number in range(options.rounds):
            text = _people(number, rows)
            began = time.perf_counter()
            import_people(io.BytesIO(text), list_slug=f"l{number}", origin=origin, create=True)
            ours.append(rows / (time.perf_counter() - began))
            with connection.cursor() as cursor:
                cursor.execute("CREATE TEMP TABLE bare (email text, first_name text, language text)")
                began = time.perf_counter()
                with cursor.copy("COPY bare FROM STDIN (FORMAT csv, HEADER)") as copy:
                    copy.write(text)
                reference.append(rows / (time.perf_counter() - began))
                cursor.execute("DROP TABLE bare")
        return {**compare(ours, reference, digits=3), "rows": rows}


def _people(number: int, rows: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["email", "first_name", "language"])
    writer.writerows([f"p{number}-{i}@d{i % 50}.example", f"N{i}", "en"] for i in range(rows))
    return text.getvalue().encode()
