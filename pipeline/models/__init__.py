"""The tables. Columns, constraints and indexes; what changes them is in `transitions`, what reads them in `queries`."""

from pipeline.models.alerts import Alert, AlertChannel, AlertKind
from pipeline.models.books import AuditEvent, Marker, TokenKey
from pipeline.models.content import Issue, Newsletter, Proof, SenderDomain, TrackedLink, UnknownLanguage
from pipeline.models.delivery import (
    OPEN_STATES,
    BrakeCount,
    Delivery,
    DeliveryState,
    Lease,
    Reason,
    Send,
    SendList,
    SendProof,
    SendState,
    Stop,
)
from pipeline.models.feedback import Feedback, FeedbackKind, FeedbackStatus
from pipeline.models.hooks import Hook
from pipeline.models.mailboxes import Mailbox, MailboxMessage
from pipeline.models.pictures import PreparedPicture
from pipeline.models.publishing import Publication, TestGroup
from pipeline.models.rehearsal import Rehearsal, RehearsalState
from pipeline.models.rulings import COMPLAINT, Policy, PolicyAction, Ruling, RulingState
from pipeline.models.signing import DkimKey, Secret
from pipeline.models.storms import Storm, StormState
from pipeline.models.transports import Destination, Route, Transport, TransportMeter

__all__ = [
    "COMPLAINT",
    "OPEN_STATES",
    "Alert",
    "AlertChannel",
    "AlertKind",
    "AuditEvent",
    "BrakeCount",
    "Delivery",
    "DeliveryState",
    "Destination",
    "DkimKey",
    "Feedback",
    "FeedbackKind",
    "FeedbackStatus",
    "Hook",
    "Issue",
    "Lease",
    "Mailbox",
    "MailboxMessage",
    "Marker",
    "Newsletter",
    "Policy",
    "PolicyAction",
    "PreparedPicture",
    "Proof",
    "Publication",
    "Reason",
    "Rehearsal",
    "RehearsalState",
    "Route",
    "Ruling",
    "RulingState",
    "Secret",
    "Send",
    "SendList",
    "SendProof",
    "SendState",
    "SenderDomain",
    "Stop",
    "Storm",
    "StormState",
    "TestGroup",
    "TokenKey",
    "TrackedLink",
    "Transport",
    "TransportMeter",
    "UnknownLanguage",
]
