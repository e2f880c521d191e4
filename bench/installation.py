"""A Pressrun of its own for a benchmark, in a folder that is thrown away."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def installation(**variables: str) -> Iterator[Path]:
    """Embedded services and a migrated database in this process; the folder of it all."""
    for name in [name for name in os.environ if name.startswith("PRESSRUN_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="pressrun-bench-") as folder:
        os.environ |= {"PRESSRUN_HOME": folder} | {f"PRESSRUN_{name}": value for name, value in variables.items()}
        from pipeline import embedded
        from pipeline.commands import environment

        environment.prepare()
        try:
            yield Path(folder)
        finally:
            from django.db import connections

            connections.close_all()
            embedded.detach(stop=True)
