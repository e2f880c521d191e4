"""The only code that changes the state of a send, a delivery, a web edition, a rehearsal or an alert.

Each function is one transaction: a conditional UPDATE with the old state in its WHERE, and for what people do an
audit row. No row updated means that someone was first, which is no error. Nothing here rings Celery: callers do.
"""

from pipeline.transitions.alerts import Recipient, alert_delivered, alert_failed, claim_alert, note_alert, note_in_log
from pipeline.transitions.answers import answer_failed, answer_handed_on, answer_waits, claim_answer
from pipeline.transitions.deliveries import Claimed, Marked, claim, mark_in_flight, record, reject_unrenderable
from pipeline.transitions.destinations import (
    Slowed,
    ease,
    learn,
    learn_from_report,
    limit_destination,
    park,
    slowed_destinations,
)
from pipeline.transitions.dkim import (
    DkimKeyError,
    activate_dkim_key,
    keep_dkim_key,
    retire_dkim_key,
    set_dkim_body,
)
from pipeline.transitions.facts import (
    record_bounce,
    record_click,
    record_complaint,
    record_delay,
    record_evidence,
    record_leaving,
)
from pipeline.transitions.forgetting import forget_expired
from pipeline.transitions.freezing import push_waves
from pipeline.transitions.grants import Drawn, draw, draw_for_destination, draw_for_own_mail, give_back_unused
from pipeline.transitions.leases import Grant, close_lease, give_back, open_lease, settle_dead_leases
from pipeline.transitions.links import LinkChangedError, count_clicks, keep_redirects, repair_link
from pipeline.transitions.publications import (
    PublicationError,
    correct_edition,
    publish_edition,
    withdraw_edition,
)
from pipeline.transitions.rehearsals import end_rehearsal, keep_rehearsal, take_rehearsal, waiting_rehearsals
from pipeline.transitions.rulings import rule_on, rule_on_complaint
from pipeline.transitions.sends import (
    NewSend,
    WrongStateError,
    approved_just_now,
    cancel_send,
    create_send,
    finish_sends,
    hold_late_sends,
    hold_send,
    pause_if_sending,
    pause_send,
    resume_send,
    start_send,
    undo_send,
)
from pipeline.transitions.settling import cancel_leftovers, expire_overdue, settle_uncertain
from pipeline.transitions.transports import (
    back_off,
    clear_backoff,
    note_relay_change,
    note_routes,
    note_way_back,
    try_again,
)

__all__ = [
    "Claimed",
    "DkimKeyError",
    "Drawn",
    "Grant",
    "LinkChangedError",
    "Marked",
    "NewSend",
    "PublicationError",
    "Recipient",
    "Slowed",
    "WrongStateError",
    "activate_dkim_key",
    "alert_delivered",
    "alert_failed",
    "answer_failed",
    "answer_handed_on",
    "answer_waits",
    "approved_just_now",
    "back_off",
    "cancel_leftovers",
    "cancel_send",
    "claim",
    "claim_alert",
    "claim_answer",
    "clear_backoff",
    "close_lease",
    "correct_edition",
    "count_clicks",
    "create_send",
    "draw",
    "draw_for_destination",
    "draw_for_own_mail",
    "ease",
    "end_rehearsal",
    "expire_overdue",
    "finish_sends",
    "forget_expired",
    "give_back",
    "give_back_unused",
    "hold_late_sends",
    "hold_send",
    "keep_dkim_key",
    "keep_redirects",
    "keep_rehearsal",
    "learn",
    "learn_from_report",
    "limit_destination",
    "mark_in_flight",
    "note_alert",
    "note_in_log",
    "note_relay_change",
    "note_routes",
    "note_way_back",
    "open_lease",
    "park",
    "pause_if_sending",
    "pause_send",
    "publish_edition",
    "push_waves",
    "record",
    "record_bounce",
    "record_click",
    "record_complaint",
    "record_delay",
    "record_evidence",
    "record_leaving",
    "reject_unrenderable",
    "repair_link",
    "resume_send",
    "retire_dkim_key",
    "rule_on",
    "rule_on_complaint",
    "set_dkim_body",
    "settle_dead_leases",
    "settle_uncertain",
    "slowed_destinations",
    "start_send",
    "take_rehearsal",
    "try_again",
    "undo_send",
    "waiting_rehearsals",
    "withdraw_edition",
]
