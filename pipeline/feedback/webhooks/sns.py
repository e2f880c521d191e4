"""Amazon SNS: is a message signed by Amazon, and what confirms a subscription.

docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. The certificate is fetched from Amazon
alone, over https and from the host of the topic's own region; the address that confirms is put together here and never
taken from a message. django-anymail leaves the signature unread.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from pipeline.feedback.webhooks.refusal import RefusedError
from pipeline.guarded import Client, Limits, UnreachableError
from pipeline.guarded import RefusedError as NotAskedError

TOPIC: Final = re.compile(r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{1,40}):\d{12}:[A-Za-z0-9_.-]{1,256}")
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem")
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_HASHES: Final[Mapping[str, HashAlgorithm]] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 (what topics sign with unless told)
CLIENT: Client = Client(Limits(seconds=5.0, redirects=0, bytes=20_000), ports=frozenset({443}))
OK: Final = 200


def check(told: Mapping[str, Any], topics: list[str]) -> datetime:
    """When Amazon signed the message. Raises RefusedError unless it did, for one of these topics.

    The topic comes first: whoever writes without one of ours makes us fetch nothing.
    """
    topic = _text(told, "TopicArn")
    if topic not in topics:
        raise RefusedError(f"It is of the SNS topic {topic[:300]!r}, which is not among those allowed.")
    names = _SIGNED.get(_text(told, "Type"))
    if names is None:
        raise RefusedError("It is no message of Amazon SNS.")
    algorithm = _HASHES.get(_text(told, "SignatureVersion"), SHA256())
    key = _key(_certificate_url(_text(told, "SigningCertURL"), topic))
    signed = "".join(f"{name}\n{told[name]}\n" for name in names if isinstance(told.get(name), str))
    try:
        signature = b64decode(_text(told, "Signature"), validate=True)
        key.verify(signature, signed.encode("utf-8", "replace"), padding.PKCS1v15(), algorithm)
        return datetime.fromisoformat(_text(told, "Timestamp")).astimezone(UTC)
    except (InvalidSignature, ValueError) as error:
        raise RefusedError("Amazon's signature is missing or wrong.") from error


def confirm(told: Mapping[str, Any]) -> None:
    """Accept a subscription that was checked. Raises UnreachableError, and RefusedError when Amazon says no."""
    topic = _text(told, "TopicArn")
    asked = {"Action": "ConfirmSubscription", "TopicArn": topic, "Token": _text(told, "Token")}
    answer = _asked(f"https://{_host(topic)}/?{urlencode(asked)}")
    if answer.status != OK:
        raise RefusedError(f"Amazon did not confirm the subscription: it answered {answer.status}.")


def _asked(url: str) -> Any:
    try:
        return CLIENT.ask("GET", url)
    except NotAskedError as error:
        raise RefusedError(f"Amazon cannot be asked: {error}") from error


def _certificate_url(url: str, topic: str) -> str:
    """The address of the certificate if it is Amazon's own. Raises RefusedError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = parts.scheme == "https" and parts.netloc == _host(topic) and port is None and not parts.query
    if not (plain and _CERTIFICATE.fullmatch(parts.path)):
        raise RefusedError(f"Its certificate is at {url[:200]!r}, which is not Amazon's.")
    return url


def _host(topic: str) -> str:
    found = TOPIC.fullmatch(topic)
    if found is None:
        raise RefusedError(f"{topic[:300]!r} is no SNS topic.")
    partition, region = found.groups()
    return f"sns.{region}.amazonaws.com" + (".cn" if partition == "aws-cn" else "")


@lru_cache(maxsize=16)
def _key(url: str) -> RSAPublicKey:
    """The key of a certificate. It changes once a year, with its address. Raises UnreachableError, RefusedError."""
    answer = _asked(url)
    if answer.status != OK:
        raise UnreachableError(f"Amazon's certificate cannot be had: {url} answers {answer.status}.")
    try:
        certificate = x509.load_pem_x509_certificate(answer.body)
    except ValueError as error:
        raise RefusedError("Amazon's certificate cannot be read.") from error
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or certificate.not_valid_after_utc < datetime.now(UTC):
        raise RefusedError("Amazon's certificate is not one for SNS, or is over.")
    return key


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""
