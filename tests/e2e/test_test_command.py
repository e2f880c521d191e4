"""`pressrun test`: a file or an issue to a few addresses over real SMTP, with exit status and JSON as promised."""

import email
import email.policy
from pathlib import Path

import pytest
from house import ISSUE, House
from relay import Behaviour, Ledger, RelayServer

ANN = "ann@example.org"
KOREAN = ISSUE.replace("\nlanguage: en\ntitle: The first issue", "\nlanguage: ko\ntitle: 제1호").replace(
    "subject: 'News for {{ first_name | default(\"you\") }}'", "subject: '{{ name | default(\"독자\") }}님께'"
)


@pytest.fixture
def relay(tmp_path):
    script = {"rcpt": {"^no@": ["550 5.1.1 No such user"]}}
    with RelayServer(Behaviour(script=script), Ledger(maildir=tmp_path / "mail")) as server:
        yield server


@pytest.fixture
def house(make_house, relay) -> House:
    return make_house(SMTP_URL=f"smtp://127.0.0.1:{relay.port}?starttls=never")


def mails(tmp_path: Path) -> list[email.message.EmailMessage]:
    paths = sorted((tmp_path / "mail" / "new").iterdir())
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]


def test_a_file_goes_to_its_testers_and_into_no_books(house, relay, tmp_path):
    told = house.json("test", str(house.write_issue()), "--to", ANN, "bo@example.org")
    assert [(one["to"], one["verdict"], one["reply"][:3]) for one in told["results"]] == [
        (ANN, "accepted", "250"),
        ("bo@example.org", "accepted", "250"),
    ]
    assert len(told["proof"]) == 64
    assert {mail["Subject"] for mail in mails(tmp_path)} == {"[TEST] News for Robin"}
    assert house.json("sends") == []
    with house.database() as books:
        assert books.execute("SELECT count(*) FROM pipeline_delivery").fetchone() == (0,)
        [(actor, detail)] = books.execute(
            "SELECT actor, detail FROM pipeline_auditevent WHERE action = 'proof.tested'"
        ).fetchall()
    assert actor.startswith("command line, ")
    assert detail == {"proof": told["proof"], "to": [ANN, "bo@example.org"]}


def test_an_issue_by_its_name_to_a_group_as_a_subscriber_in_korean(house, relay, tmp_path):
    house.run("test", str(house.write_issue(KOREAN)), "--to", ANN)
    house.import_people(["kim@example.com"])
    with house.database() as books:
        group = "INSERT INTO pipeline_testgroup (name, addresses) VALUES ('Desk', %s)"
        books.execute(group, ["lee@example.org\nchoi@example.org"])
    told = house.json("test", "city/1/ko", "--group", "Desk", "--as", "kim@example.com")
    assert [one["to"] for one in told["results"]] == ["lee@example.org", "choi@example.org"]
    subjects = [mail["Subject"] for mail in mails(tmp_path)]
    assert subjects == ["[TEST] 하늘 김님께", "[TEST] N0님께", "[TEST] N0님께"]


def test_what_is_not_fit_to_send_is_tested_with_what_stands_against_it(house, relay):
    path = house.write_issue(ISSUE.replace("  postal_address: 1 Town Square, Sejong\n", ""))
    told = house.json("test", str(path), "--to", ANN)
    assert [found["id"] for found in told["findings"] if found["severity"] == "block"] == ["postal-address"]
    assert "no postal address" in house.run("test", "city/1/en", "--to", ANN).stdout


def test_the_relays_refusal_is_told_in_its_words_and_fails(house, relay):
    done = house.run("test", str(house.write_issue()), "--to", "no@example.org", ANN, status=1)
    assert "no@example.org: rejected. 550 5.1.1 No such user" in done.stdout
    assert f"{ANN}: accepted. 250" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["city/9/en", "--to", ANN], 1, "neither a file nor an issue"),
        (["nothing.md", "--to", ANN], 1, "neither a file nor an issue"),
        (["issue.md"], 1, "Nobody is named"),
        (["issue.md", "--to", "nobody"], 1, "is not an email address"),
        (["issue.md", "--group", "Desk"], 1, "There is no test group 'Desk'"),
        (["issue.md", "--to", ANN, "--as", "who@example.com"], 1, "not among the subscribers"),
        (["--to", ANN], 2, "required"),
    ],
)
def test_what_cannot_be_tested_says_why_and_sends_nothing(house, relay, words, status, said):
    house.write_issue()
    assert said in house.run("test", *words, status=status).stderr
    assert relay.ledger.entries == []


def test_without_a_relay_it_says_what_to_do(make_house):
    house = make_house()
    assert (
        "There is no relay to send through" in house.run("test", str(house.write_issue()), "--to", ANN, status=1).stderr
    )
