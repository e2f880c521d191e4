"""What an admin makes of the policies for returned mail: checked, and on record."""

from dataclasses import asdict

from django.db import transaction

from pipeline.errors import PressrunError
from pipeline.models import AuditEvent
from pipeline.models import Policy as PolicyRow
from pipeline.queries.rulings import policies
from pipeline.replies import Policy, Reason
from pipeline.replies.policy import why_not

CHANGED = "policy.changed"


class PolicyError(PressrunError):
    """A policy cannot be had so. Nothing was changed; `str()` says why."""


def change_policy(reason: Reason, policy: Policy, *, actor: str) -> bool:
    """Set what a reason does to an address, from the next report on; False if it does so already.

    Raises:
        PolicyError: it is no reader's fault, or a number makes no sense.

    """
    if words := why_not(reason, policy):
        raise PolicyError(words)
    with transaction.atomic():
        PolicyRow.objects.select_for_update().filter(reason=reason).first()
        before = policies()[reason]
        if before == policy:
            return False
        PolicyRow.objects.update_or_create(reason=reason, defaults=asdict(policy))
        detail = {"before": asdict(before), "after": asdict(policy)}
        AuditEvent.objects.create(actor=actor, action=CHANGED, subject=f"policy:{reason}", detail=detail)
    return True
