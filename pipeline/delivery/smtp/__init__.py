"""The only speaker of SMTP: one blocking connection to a relay, for use by one thread.

`Connection.open` connects, encrypts and signs in, or raises a RelayTrouble; `send` hands messages over, one ahead
where the relay offers PIPELINING, and gives one result for each, whatever happens on the way.
"""

from pipeline.delivery.envelope import Envelope, Result, Verdict
from pipeline.delivery.relay import Relay, RelayUrlError, Tls, parse_relay
from pipeline.delivery.smtp.connection import Connection
from pipeline.delivery.smtp.exchange import never_begun
from pipeline.delivery.smtp.trouble import (
    LoginFailed,
    RelayRefused,
    RelayTrouble,
    RelayUnreachable,
    TlsFailed,
)
from pipeline.delivery.smtp.wire import Timeouts

__all__ = [
    "Connection",
    "Envelope",
    "LoginFailed",
    "Relay",
    "RelayRefused",
    "RelayTrouble",
    "RelayUnreachable",
    "RelayUrlError",
    "Result",
    "Timeouts",
    "Tls",
    "TlsFailed",
    "Verdict",
    "never_begun",
    "parse_relay",
]
