"""Why a request to a webhook is not listened to."""

from pipeline.errors import PressrunError


class RefusedError(PressrunError):
    """The text is for the admin. Whoever sent the request hears none of it."""
