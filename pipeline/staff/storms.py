"""Many dead addresses at one provider: what a person is shown, and their two buttons."""

from collections.abc import Callable
from typing import Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from wagtail.admin import messages

from pipeline import transitions
from pipeline.queries.storms import Weather, open_storms
from pipeline.staff.reading import text_of
from pipeline.staff.reasons import provider_label

ACTS: Final[dict[str, Callable[..., int]]] = {
    "apply": transitions.apply_storm,
    "discard": transitions.discard_storm,
}
RIGHTS: Final = ("pipeline.start_send", "subscribers.add_suppression")
"""To let a send go on, and to say what becomes of addresses."""


def storms_of(send_id: int | None = None) -> list[tuple[Weather, str | Promise]]:
    """What waits for a decision, of one send or of all, each with the provider's name."""
    return [(each, provider_label(each.storm.destination)) for each in open_storms(send_id)]


def may_decide(request: HttpRequest) -> bool:
    return bool(request.user.has_perms(RIGHTS))


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Apply or discard all of a storm. A second click finds it done."""
    act = ACTS.get(request.POST.get("act", ""))
    if act is None or not may_decide(request):
        raise PermissionDenied
    destination, why = text_of(request.POST, "destination"), text_of(request.POST, "why")
    try:
        act(pk, destination, actor=str(request.user.get_username()), why=why)
    except transitions.NoStormError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("Decided about %(where)s. The send goes on there.") % {"where": provider_label(destination)}
        )
    return redirect("sends:inspect", pk)
