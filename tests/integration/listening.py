"""A house in which `pressrun inbound` runs, and mail for it."""

import re
import smtplib
from pathlib import Path

from house import until

from pipeline.tokens import Keyring, Purpose

SAMPLES = Path(__file__).resolve().parents[1] / "corpus" / "feedback"
DOMAIN = "bounces.city.example"
SECRET = bytes(range(32))
RETURN_PATH = f"b-{Keyring({1: SECRET}).sign(Purpose.RETURN_PATH, 7, 3)}@{DOMAIN}"
FORGED = f"b-{Keyring({1: SECRET[::-1]}).sign(Purpose.RETURN_PATH, 7, 3)}@{DOMAIN}"
BOUNCE = (SAMPLES / "dsn-unknown-user.eml").read_bytes().replace(b"\n", b"\r\n")


class Listening:
    """A house with `pressrun inbound` running in it."""

    def __init__(self, house):
        self.house = house
        with house.database() as connection:
            connection.execute("INSERT INTO pipeline_tokenkey (version, secret) VALUES (1, %s)", [SECRET])
        self.process = house.start("inbound", "--port", "0", "--lmtp-port", "0")
        line = until(lambda: re.search(r"inbound: listening on (.*)\n", house.log("inbound")), what="listening")
        self.ports = {name: int(port) for port, name in re.findall(r"127\.0\.0\.1:(\d+) \((\w+)\)", line[1])}

    def smtp(self):
        return smtplib.SMTP("127.0.0.1", self.ports["SMTP"], local_hostname="mx.test", timeout=30)

    def lmtp(self):
        return smtplib.LMTP("127.0.0.1", self.ports["LMTP"], local_hostname="mx.test", timeout=30)

    def feedback(self):
        with self.house.database() as connection:
            return connection.execute(
                "SELECT kind, status, envelope_to, envelope_from, source, raw FROM pipeline_feedback ORDER BY id"
            ).fetchall()
