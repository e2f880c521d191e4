"""An issue in the browser: the very bytes that were sent, decoded, with the person's own merge fields.

Whoever it was forwarded to can read it but leave nobody: its unsubscribe links lead to an explanation.
"""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from pipeline.content.message import message_parts
from pipeline.content.tracking import READER
from pipeline.delivery.batch.wires import segments, values
from pipeline.keys import keyring
from pipeline.models import Delivery, Newsletter
from pipeline.public.page import page, private
from pipeline.tokens import BadTokenError, Purpose, StandIn
from pipeline.transitions import Claimed
from subscribers.models import Subscriber

POLICY: Final = (
    "default-src 'none'; img-src 'self' https: http: data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-downloads allow-popups allow-popups-to-escape-sandbox"
)


@require_safe
@private
def view_issue(request: HttpRequest, token: str) -> HttpResponse:
    if token == StandIn.TEST:
        return page(request, "test", {})
    try:
        send_id, delivery_id = keyring().verify(Purpose.VIEW, token)
    except BadTokenError:
        return page(request, "unknown", {}, status=404)
    delivery = Delivery.objects.filter(send_id=send_id, id=delivery_id).first()
    if delivery is None or not delivery.proof_hash:
        return page(request, "no_longer", {}, status=410)
    html, _ = message_parts(segments(delivery.proof_hash), _values(delivery))
    response = HttpResponse(html)
    response["Content-Security-Policy"] = POLICY
    return response


def _values(delivery: Delivery) -> dict[str, str]:
    """What filled this person's slots when the mail was made, but for the tokens that act for them."""
    person = Subscriber.objects.filter(pk=delivery.subscriber_id).first()
    one = Claimed(
        id=delivery.id,
        fence=delivery.fence,
        subscriber_id=delivery.subscriber_id,
        email=delivery.email,
        address_key=delivery.address_key,
        proof_hash=delivery.proof_hash or "",
        attempts=delivery.attempts,
        retried=delivery.retried,
        first_name=person.first_name if person else "",
        last_name=person.last_name if person else "",
        language=person.language if person else "",
    )
    newsletter = Newsletter.objects.get(sends=delivery.send_id)
    return values(newsletter, delivery.send_id, one) | {"token.unsubscribe": StandIn.NOBODY, READER: StandIn.NOBODY}
