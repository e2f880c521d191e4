"""Providers as they tell by webhook what became of a mail: each signs as its documentation says."""

import base64
import datetime as dt
import hashlib
import hmac
import itertools
import json
import time
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from django.test import Client
from django.utils import timezone

from pipeline import hooks
from pipeline.delivery.batch.wires import message_id
from pipeline.feedback.webhooks import sns
from pipeline.guarded import Answer
from pipeline.keys import keyring
from pipeline.models import Delivery, Hook, Newsletter, Transport
from pipeline.providers import PROVIDERS, Check
from pipeline.tokens import Purpose

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "webhooks"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:pressrun-feedback"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SECRET = "a-secret-of-the-provider"
SVIX_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
_SERIAL = itertools.count(1)


def public_text(key):
    """A public key as SendGrid and Postal show it: base64 in one line."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


SECRETS = {"resend": SVIX_SECRET, "sendgrid": public_text(EC_KEY), "postal": public_text(RSA_KEY)}


def a_hook(provider="mailgun", **fields):
    relay, _ = Transport.objects.get_or_create(name="default")
    known = PROVIDERS[provider]
    given = {"provider": provider, "transport": relay}
    if known.key:
        given["secret"] = SECRETS.get(provider, SECRET)
    if known.check is Check.SNS:
        given["topics"] = [TOPIC]
    return hooks.change_hook(f"our-{provider}", given | fields, create=True, actor="test")


def path_of(hook):
    return "/" + hooks.address_of(hook).split("/", 3)[3]


def ids_of(delivery):
    """What stands for a delivery in the bodies of the corpus."""
    now = timezone.now()
    return {
        "ID": keyring().sign(Purpose.HEADER, delivery.send_id, delivery.id),
        "MESSAGE_ID": message_id(Newsletter.objects.get(), delivery.send_id, delivery.id).strip("<>"),
        "TO": delivery.email,
        "NOW": str(int(now.timestamp())),
        "NOW_MS": str(int(now.timestamp() * 1000)),
        "NOW_ISO": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "NOW_PLAIN": now.strftime("%Y-%m-%d %H:%M:%S"),
        "SERIAL": str(next(_SERIAL)),
    }


def filled(body, delivery, **other):
    """A body of the corpus about a delivery; `"{NOW}"` alone becomes a number."""
    text = json.dumps(body)
    for name, value in (ids_of(delivery) | other).items():
        if name in {"NOW", "NOW_MS", "SERIAL"}:
            text = text.replace(f'"{{{name}}}"', value)
        text = text.replace(f"{{{name}}}", value)
    return json.loads(text)


def cases(provider):
    """Bodies that we wrote after the provider's documentation, and what they must come to."""
    return json.loads(_corpus(provider))


@cache
def _corpus(provider):
    return (CORPUS / f"{provider}.json").read_text(encoding="utf-8")


class Teller:
    """A provider. `tell` signs and posts; what is given beside replaces what it would send."""

    def __init__(self, hook: Hook, *, secret: str = ""):
        self.hook, self.known = hook, PROVIDERS[hook.provider]
        self.secret = secret or SECRETS.get(hook.provider, SECRET)
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)

    def tell(self, body, *, path="", at=None, headers=None, sign=True, method="POST"):
        at = int(time.time() if at is None else at)
        raw, extra = self._packed(body, at) if sign else (json.dumps(body).encode(), {})
        return self.post(raw, path=path, headers=extra | (headers or {}), method=method)

    def post(self, raw, *, path="", headers=None, content_type="", method="POST"):
        kind = content_type or self.known.content_type
        return self.client.generic(method, path or path_of(self.hook), raw, content_type=kind, headers=headers or {})

    def _packed(self, body, at):
        pack = getattr(self, "_" + self.hook.provider.replace("-", "_"), None)
        return pack(body, at) if pack else (json.dumps(body).encode(), {})

    def _hmac(self, message):
        return hmac.new(self.secret.encode(), message, "sha256").hexdigest()

    def _mailgun(self, body, at):
        token = f"{next(_SERIAL):050d}"
        signed = {"timestamp": str(at), "token": token, "signature": self._hmac(f"{at}{token}".encode())}
        return json.dumps({"signature": signed, **body}).encode(), {}

    def _mailersend(self, body, _at):
        raw = json.dumps(body).encode()
        return raw, {"Signature": self._hmac(raw)}

    def _mailtrap(self, body, _at):
        raw = json.dumps(body).encode()
        return raw, {"Mailtrap-Signature": self._hmac(raw)}

    def _mandrill(self, body, _at):
        events = json.dumps(body)
        signed = (hooks.address_of(self.hook) + "mandrill_events" + events).encode()
        mac = base64.b64encode(hmac.digest(self.secret.encode(), signed, "sha1")).decode()
        return urlencode({"mandrill_events": events}).encode(), {"X-Mandrill-Signature": mac}

    def _resend(self, body, at):
        raw, name = json.dumps(body).encode(), f"msg_{next(_SERIAL)}"
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = base64.b64encode(hmac.digest(key, f"{name}.{at}.".encode() + raw, "sha256")).decode()
        return raw, {"svix-id": name, "svix-timestamp": str(at), "svix-signature": f"v1,c3Bhcg== v1,{mac}"}

    def _sendgrid(self, body, at):
        raw = json.dumps(body).encode()
        signature = base64.b64encode(EC_KEY.sign(str(at).encode() + raw, ec.ECDSA(hashes.SHA256()))).decode()
        field = "X-Twilio-Email-Event-Webhook-"
        return raw, {f"{field}Signature": signature, f"{field}Timestamp": str(at)}

    def _postal(self, body, _at):
        raw = json.dumps(body).encode()
        signature = RSA_KEY.sign(raw, padding.PKCS1v15(), hashes.SHA1())
        return raw, {"X-Postal-Signature": base64.b64encode(signature).decode()}

    def _unisender_go(self, body, _at):
        raw = json.dumps({"auth": self.secret, **body}).encode()
        return raw.replace(self.secret.encode(), hashlib.md5(raw).hexdigest().encode()), {}

    def _amazon_ses(self, body, at):
        return json.dumps(sns_message(body, at=at)).encode(), {"x-amz-sns-message-type": "Notification"}


def sns_message(event, *, at=None, key=RSA_KEY, **other):
    """A message of Amazon SNS about an event of SES, signed."""
    moment = dt.datetime.fromtimestamp(time.time() if at is None else at, dt.UTC)
    told = {
        "Type": "Notification",
        "MessageId": f"22b80b92-fdea-4c2c-8f9d-{next(_SERIAL):012d}",
        "TopicArn": TOPIC,
        "Message": event if isinstance(event, str) else json.dumps(event),
        "Timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
    } | other  # fmt: skip
    fields = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{told[name]}\n" for name in fields if name in told)
    kind = hashes.SHA1() if told["SignatureVersion"] == "1" else hashes.SHA256()
    signature = key.sign(text.encode(), padding.PKCS1v15(), kind)
    return {"Signature": base64.b64encode(signature).decode(), **told}


def certificate(key=RSA_KEY, *, days=300):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


class Amazon:
    """Answers what Pressrun asks Amazon, and notes it."""

    def __init__(self):
        self.asked, self.pem, self.status = [], certificate(), 200

    def ask(self, method, url):
        self.asked.append((method, url))
        return Answer(url, self.status, 0, self.pem if url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>")


@pytest.fixture(autouse=True)
def amazon(monkeypatch):
    """For whoever imports it: nothing goes to the true Amazon."""
    there = Amazon()
    monkeypatch.setattr(sns, "CLIENT", there)
    sns._key.cache_clear()
    return there


def state_of(delivery):
    return Delivery.objects.get(send_id=delivery.send_id, id=delivery.id)
