"""Every non-trivial read, one named function each, with its reason. Nothing here changes a row.

`books` counts and lists a send's deliveries, `work` finds what there is to do, `audience` says who a send would reach.
"""

from pipeline.queries.audience import audience_counts
from pipeline.queries.books import (
    Count,
    Finding,
    LedgerRow,
    PersonRow,
    audit,
    counts,
    feedback_counts,
    ledger,
    send_summary,
    who,
)
from pipeline.queries.work import next_work, ringable_sends

__all__ = [
    "Count",
    "Finding",
    "LedgerRow",
    "PersonRow",
    "audience_counts",
    "audit",
    "counts",
    "feedback_counts",
    "ledger",
    "next_work",
    "ringable_sends",
    "send_summary",
    "who",
]
