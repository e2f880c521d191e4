"""Every non-trivial read, one named function each, with its reason. Nothing here changes a row.

`books` counts and lists a send's deliveries, `work` finds what there is to do, `audience` says who a send would reach,
`rehearsal` reads those people one by one, `links` tells what became of an issue's links,
`returns` what came back of a send, `alerts` finds what people should hear of without having asked.
"""

from pipeline.queries.alerts import Occasion, Stalled, occasions, stalled_sends
from pipeline.queries.audience import (
    ACCEPTED,
    FAILED,
    FOLLOWINGS,
    HELD,
    NO_EDITION,
    SUPPRESSED,
    Audience,
    Edition,
    Reach,
    audience_of,
    family,
    reach_of,
)
from pipeline.queries.books import (
    Count,
    Finding,
    LedgerRow,
    PersonRow,
    audit,
    complaints_in,
    counts,
    feedback_counts,
    ledger,
    send_summary,
    who,
)
from pipeline.queries.complaints import Complaints, destinations_covered, destinations_heard
from pipeline.queries.hooks import id_fields, known_feedback
from pipeline.queries.links import EditionLinks, links_of, personal_sends
from pipeline.queries.mailboxes import known_mailbox_keys, mailbox_messages_to_retry, unsettled_mailbox_messages
from pipeline.queries.pace import Pace, pace_of
from pipeline.queries.rehearsal import readers
from pipeline.queries.returns import (
    BOUNCED,
    REFUSED,
    Narrowed,
    Part,
    ReturnedRow,
    Returns,
    all_returned,
    returned,
    returns_of,
)
from pipeline.queries.routes import Way, relays_by_health, waiting_before, ways_of
from pipeline.queries.work import gives_way, may_go_slowly, next_work, ringable_sends, still_goes

__all__ = [
    "ACCEPTED",
    "BOUNCED",
    "FAILED",
    "FOLLOWINGS",
    "HELD",
    "NO_EDITION",
    "REFUSED",
    "SUPPRESSED",
    "Audience",
    "Complaints",
    "Count",
    "Edition",
    "EditionLinks",
    "Finding",
    "LedgerRow",
    "Narrowed",
    "Occasion",
    "Pace",
    "Part",
    "PersonRow",
    "Reach",
    "ReturnedRow",
    "Returns",
    "Stalled",
    "Way",
    "all_returned",
    "audience_of",
    "audit",
    "complaints_in",
    "counts",
    "destinations_covered",
    "destinations_heard",
    "family",
    "feedback_counts",
    "gives_way",
    "id_fields",
    "known_feedback",
    "known_mailbox_keys",
    "ledger",
    "links_of",
    "mailbox_messages_to_retry",
    "may_go_slowly",
    "next_work",
    "occasions",
    "pace_of",
    "personal_sends",
    "reach_of",
    "readers",
    "relays_by_health",
    "returned",
    "returns_of",
    "ringable_sends",
    "send_summary",
    "stalled_sends",
    "still_goes",
    "unsettled_mailbox_messages",
    "waiting_before",
    "ways_of",
    "who",
]
