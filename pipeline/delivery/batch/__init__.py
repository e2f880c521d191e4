"""Claim → fill → hand over → record: the one long story of a send, told in one task for at most a minute.

`run_batch` holds a lease and the process's one database connection; `hand` holds one relay connection in a thread;
`making` and `wires` make the messages; `entries` writes the books; `keeper` keeps the lease alive; `impression` is what
is thought of the relay in the end.
"""

from pipeline.delivery.batch.hand import greet
from pipeline.delivery.batch.story import Worker, run_batch

__all__ = ["Worker", "greet", "run_batch"]
