"""F-19: a relay that demands STARTTLS and a password, and what stands between us and it."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from stage import Stage
from webserver import WebServer, ok

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(300)]
ENDS = {"own": 2, "strange": 2, "former": -2}  # days from now
LOGIN = {"login": "desk:correct horse"}
URL = "smtp://desk:correct%20horse@localhost:{port}?starttls=required"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """One that our workers trust, as an operator's own, one that they do not, and one that is over."""
    folder = tmp_path_factory.mktemp("tls")
    made = {name: {"certificate": folder / f"{name}.pem", "key": folder / f"{name}.key"} for name in ENDS}
    for name, days in ENDS.items():
        key = ec.generate_private_key(ec.SECP256R1())
        made[name]["certificate"].write_bytes(_certificate(name, key, days).public_bytes(Encoding.PEM))
        made[name]["key"].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def _certificate(name: str, key: ec.EllipticCurvePrivateKey, days: int) -> x509.Certificate:
    """For `localhost`, signed by itself, good until so many days from now."""
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=9))
    builder = builder.not_valid_after(now + dt.timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(key, hashes.SHA256())


@pytest.fixture(scope="module")
def chat():
    """Where alerts are posted."""
    with WebServer({"/hook": ok()}) as server:
        yield server


def told(chat: WebServer, send_id: int) -> list[dict[str, Any]]:
    return [alert for alert in map(json.loads, chat.bodies) if alert["send"] == send_id]


@pytest.fixture(scope="module")
def trusting(shared: Stage, certificates: dict[str, dict[str, Path]], chat: WebServer) -> Stage:
    """The stage, with a worker that trusts our own relay's certificate, and the former one, and has whom to tell."""
    bundle = certificates["own"]["certificate"].with_name("bundle.pem")
    bundle.write_text("".join(certificates[name]["certificate"].read_text() for name in ("own", "former")))
    shared.worker.terminate()
    shared.worker.wait(60)
    shared.house.environment["SSL_CERT_FILE"] = str(bundle)
    shared.house.environment["PRESSRUN_ALERT_URL"] = f"http://127.0.0.1:{chat.port}/hook"
    shared.work()
    return shared


@pytest.fixture
def wary(trusting: Stage):
    yield trusting
    trusting.close()


def test_a_relay_that_demands_encryption_and_a_password_gets_both(wary: Stage, certificates):
    wary.answer(**certificates["own"], **LOGIN)
    wary.import_people(PEOPLE)
    wary.send(url=URL)
    ledger = wary.finish()
    assert len(wary.copies()) == len(ledger) == 300


@pytest.mark.parametrize(
    ("certificate", "url", "words"),
    [
        ("strange", URL, "a certificate that is not to be trusted"),
        ("former", URL, "certificate has expired"),
        ("own", URL.replace("localhost", "127.0.0.1"), "not valid for '127.0.0.1'"),
        ("", URL, "does not offer STARTTLS"),
        ("own", URL.replace("correct", "wrong"), "did not accept the user name 'desk' and its password"),
    ],
    ids=["a stranger's certificate", "one that is over", "another host's", "no STARTTLS", "a wrong password"],
)
def test_nothing_is_sent_where_it_could_be_read_or_somebody_else_answers(
    wary: Stage, certificates, chat, certificate, url, words
):
    wary.answer(**certificates.get(certificate, {}), **(LOGIN if certificate else {}))
    wary.import_people(PEOPLE)
    wary.send(url=url)
    wary.wait_for(lambda: wary.state() == "paused", "the pause")
    wary.wait_for(wary.resting, "a rest")
    assert wary.relay.received() == []
    assert wary.counts() == {"pending": 300}
    status = wary.status()
    assert words in status["waiting_for"]
    assert "horse" not in str(status)
    [alert] = wary.wait_for(lambda: told(chat, wary.send_id), "the alert")
    assert alert["kind"] == "paused"
    assert words in alert["words"]["en"]["happened"]
    assert "horse" not in json.dumps(alert)
    wary.balance()
