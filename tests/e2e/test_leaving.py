"""One click, or one mail, and the newsletter is gone for good: from the send that runs, the next one, every list."""

import re
import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from house import ISSUE, House, until
from relay import RecordingRelay

KIM, LEE, PAT = "kim@example.com", "lee@example.com", "pat@example.com"
ONE_CLICK = b"List-Unsubscribe=One-Click"
PEOPLE_TABLES = ("subscribers_subscription", "subscribers_suppression", "subscribers_consentrecord",
                 "subscribers_departure", "pipeline_delivery")  # fmt: skip


class Town:
    """City Letter goes to the lists `one` and `two`, Harbour Letter to `harbour`; Kim, Lee and Pat are on each."""

    def __init__(self, house: House, relay: RecordingRelay, mails: Path) -> None:
        self.house, self.relay, self._mails = house, relay, mails
        self._processes = [
            house.start("worker"),
            house.start("web", "--port", "0"),
            house.start("inbound", "--port", "0"),
        ]
        for name in ("one", "two", "harbour"):
            house.import_people([KIM, LEE, PAT], to=name)
        self.base = self._announced("web", r"Pages on (http://\S+)/ ")
        self.inbound = int(self._announced("inbound", r"listening on 127\.0\.0\.1:(\d+)"))
        (house.folder / "city.md").write_text(ISSUE)
        (house.folder / "harbour.md").write_text(
            ISSUE.replace("slug: city", "slug: harbour").replace("name: City Letter", "name: Harbour Letter")
        )

    def _announced(self, part: str, pattern: str) -> str:
        return str(until(lambda: re.search(pattern, self.house.log(part)), what=f"the start of {part}")[1])

    def send(self, issue: str, *lists: str, wait: bool = True) -> dict[str, str]:
        """Send it; who is where in its books."""
        words = [word for name in lists for word in ("--list", name)]
        made = self.house.json("send", issue, *words, *(["--wait"] if wait else []))
        return self.books(made["send"])

    def books(self, send: int) -> dict[str, str]:
        rows = self.rows("SELECT email, state || '/' || reason FROM pipeline_delivery WHERE send_id = %s", send)
        return dict(rows)

    def rows(self, statement: str, *values: object) -> list[tuple]:
        with self.house.database() as database:
            return database.execute(statement, values).fetchall()

    def everything(self) -> list[list[tuple]]:
        return [self.rows(f"SELECT t::text FROM {table} t ORDER BY 1") for table in PEOPLE_TABLES]

    def subscriptions(self, email: str) -> list[tuple[str, str]]:
        return self.rows(
            "SELECT l.slug, m.state FROM subscribers_subscription m JOIN subscribers_list l ON l.id = m.list_id"
            " JOIN subscribers_subscriber p ON p.id = m.subscriber_id WHERE p.email = %s ORDER BY 1", email
        )  # fmt: skip

    def mails(self, to: str) -> list[EmailMessage]:
        """Everything the relay took for this person, oldest first."""
        paths = sorted((self._mails / "new").iterdir(), key=lambda path: path.name)
        read = (message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths)
        return [mail for mail in read if to in mail["To"]]

    def links(self, to: str, newsletter: str = "City Letter") -> tuple[str, str]:
        """Where the last mail's List-Unsubscribe leads: the page here, and the address."""
        last = [mail for mail in self.mails(to) if newsletter in str(mail["List-Id"])][-1]
        found = re.findall(r"<([^>]+)>", str(last["List-Unsubscribe"]))
        page = next(link for link in found if link.startswith("http"))
        mailto = next(link for link in found if link.startswith("mailto:"))
        return self.base + urlsplit(page).path, unquote(urlsplit(mailto).path)


@pytest.fixture
def town(make_house: Callable[..., House], tmp_path):
    script = {"rcpt": {}}
    with RecordingRelay(tmp_path, script=script, maildir=tmp_path / "mails") as relay:
        house = make_house(SMTP_URL=relay.url, BOUNCE_DOMAIN="bounces.city.example", BASE_URL="https://city.example")
        yield Town(house, relay, tmp_path / "mails")


def ask(url: str, body: bytes | None = None, *, method: str | None = None) -> tuple[int, str]:
    """As a mail program asks: no cookie, no referrer, redirects are not followed."""

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    request = urllib.request.Request(url, data=body, method=method)
    request.add_header("X-Forwarded-Proto", "https")
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def write(town: Town, to: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "somebody-else@example.net", to, "unsubscribe"
    mail.set_content("")
    with smtplib.SMTP("127.0.0.1", town.inbound, timeout=30) as inbound:
        inbound.sendmail("somebody-else@example.net", [to], mail.as_bytes())


def forged(url: str) -> str:
    """The same address with one character of the token changed."""
    head, last = url[:-9], url[-9]
    return f"{head}{'a' if last != 'a' else 'b'}{url[-8:]}"


def test_one_click_ends_the_newsletter_on_every_list_and_an_undo_brings_back_exactly_what_was(town):
    assert set(town.send("city.md", "one").values()) == {"accepted/taken"}
    link, _ = town.links(KIM)
    mail = town.mails(KIM)[0]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    # Looking, however often and with whatever, changes nothing; nor does what we did not sign.
    before = town.everything()
    token = link.rpartition("/")[2]
    returning = mail["Message-ID"].strip("<>").partition("@")[0]
    for url, status in ((link, 200), (forged(link), 404), (link.replace(token, returning), 404)):
        assert ask(url)[0] == status
        assert ask(url, method="HEAD")[0] == status
        if status == 404:
            assert ask(url, ONE_CLICK)[0] == 404
    assert ask(link, b"something=else")[0] == 400
    assert town.everything() == before

    # The click: at once, without a redirect, everywhere that the newsletter can come from.
    before = town.subscriptions(LEE)
    assert ask(link, ONE_CLICK)[0] == 200
    assert town.subscriptions(KIM) == [("harbour", "subscribed"), ("one", "unsubscribed"), ("two", "subscribed")]
    for name in ("one", "two", "new"):  # an import brings nobody back, and a new list does not either
        town.house.import_people([KIM, LEE], to=name)
    books = town.send("city.md", "one", "two", "new")
    assert books == {KIM: "skipped/suppressed", LEE: "accepted/taken", PAT: "accepted/taken"}
    assert town.send("city.md", "two")[KIM].startswith("skipped/")
    assert town.send("harbour.md", "harbour")[KIM] == "accepted/taken"
    assert len(town.mails(KIM)) == 2  # the first of this one, and the other newsletter

    # The undo gives back what the click took, no more.
    status, page = ask(town.links(LEE)[0], ONE_CLICK)
    assert status == 200
    assert town.send("city.md", "one")[LEE] == "skipped/unsubscribed"
    undo = re.search(r'name="token" value="([^"]+)"', page)[1]
    assert ask(f"{town.base}/u/undo")[0] == 405
    assert ask(f"{town.base}/u/undo", f"token={forged(undo)}".encode())[0] == 404
    assert town.subscriptions(LEE) != before
    assert ask(f"{town.base}/u/undo", f"token={undo}".encode())[0] == 200
    assert [pair for pair in town.subscriptions(LEE) if pair[0] != "new"] == before
    assert town.send("city.md", "one")[LEE] == "accepted/taken"


def test_whoever_leaves_while_a_send_runs_gets_nothing_more_of_it(make_house: Callable[..., House], tmp_path):
    """Kim was put off by the relay; before the next try she clicks in an older mail."""
    script = {"rcpt": {"^kim": ["250 2.1.5 Ok", "451 4.7.1 Greylisted", "250 2.1.5 Ok"]}}
    with RecordingRelay(tmp_path, script=script, maildir=tmp_path / "mails") as relay:
        house = make_house(SMTP_URL=relay.url, BOUNCE_DOMAIN="bounces.city.example", RETRY="6s")
        town = Town(house, relay, tmp_path / "mails")
        assert town.send("city.md", "one")[KIM] == "accepted/taken"
        link, _ = town.links(KIM)
        send = house.json("send", "city.md", "--list", "two")["send"]
        until(lambda: town.books(send).get(KIM) == "pending/deferred", what="the relay's delay")
        assert ask(link, ONE_CLICK)[0] == 200
        until(lambda: house.json("status", str(send))["state"] == "finished", what="the end of the send")
        assert town.books(send) == {KIM: town.books(send)[KIM], LEE: "accepted/taken", PAT: "accepted/taken"}
        assert town.books(send)[KIM] in {"skipped/unsubscribed", "skipped/suppressed"}
        assert len(town.mails(KIM)) == 1
        assert house.run("audit", str(send)).stdout.endswith("audit: ok\n")


def test_a_mail_to_the_signed_address_leaves_as_well_and_an_unsigned_one_does_nothing(town):
    town.send("city.md", "one")
    _, address = town.links(KIM)
    before = town.everything()
    write(town, forged(address.partition("@")[0]) + "@" + address.partition("@")[2])
    until(lambda: town.rows("SELECT FROM pipeline_feedback WHERE status = 'quarantined'"), what="the quarantine")
    assert town.everything() == before
    write(town, address.upper().replace("@BOUNCES", "@bounces"))
    until(lambda: ("one", "unsubscribed") in town.subscriptions(KIM), what="the leaving")
    assert town.send("city.md", "one", "two") == {
        KIM: "skipped/suppressed", LEE: "accepted/taken", PAT: "accepted/taken",
    }  # fmt: skip
    assert town.send("harbour.md", "harbour")[KIM] == "accepted/taken"
    story = town.house.json("who", KIM)
    assert [held["scope"].partition(":")[0] for held in story["suppressions"]] == ["newsletter"]
    assert {mail["newsletter"]: mail["state"] for mail in story["mails"]}["Harbour Letter"] == "accepted"
