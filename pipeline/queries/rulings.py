"""What is asked before feedback is held against an address."""

from pipeline.models import Policy as PolicyRow
from pipeline.replies import DEFAULTS, Action, Policy, Reason


def policies() -> dict[Reason, Policy]:
    """The policy of each reason as it stands now: an admin may have changed it a moment ago, in another process."""
    found = PolicyRow.objects.values_list("reason", "action", "issues", "days")
    return {**DEFAULTS, **{Reason(name): Policy(Action(action), *numbers) for name, action, *numbers in found}}
