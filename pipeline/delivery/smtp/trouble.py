"""Why a connection to a relay could not be opened, in words for a person. Nothing was sent then."""

from pipeline.delivery.relay import Relay
from pipeline.delivery.smtp.wire import Reply
from pipeline.errors import PressrunError


class RelayTrouble(PressrunError):  # noqa: N818 (these are states of the relay, not slips of ours)
    """Common to the four below."""

    def __init__(self, relay: Relay, what: str, *, temporary: bool, reply: Reply | None = None) -> None:
        self.temporary = temporary
        """Trying again later may help; if not, a person must change something."""
        self.code = reply.code if reply else None
        self.reply = reply.text if reply else ""
        """The relay's own words, all lines."""
        said = f" It said: {' / '.join(self.reply.splitlines())}." if reply else ""
        self.happened = f"The relay {relay.place} {what}.{said} Nothing was handed over."
        """What the message says, but for what a send does next."""
        after = "It is tried again." if temporary else "Sending stops until this is mended."
        super().__init__(f"{self.happened} {after}")


class RelayUnreachable(RelayTrouble):
    """No connection, or it went away before the relay was ready."""


class RelayRefused(RelayTrouble):
    """The relay answered and will not take mail from us, or does not speak SMTP."""


class TlsFailed(RelayTrouble):
    """The connection could not be protected as the relay's address demands."""


class LoginFailed(RelayTrouble):
    """The user name and password were not accepted, or could not be given."""
