"""The commands as DESIGN section 7 promises them to people and to programs."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from house import House, until
from relay import RecordingRelay

from pipeline import cli

LEDGER = "email,state,reason,attempts,retried,message_id,reply,updated_at"
PROMISED = {
    "up": "--port",
    "demo": "--json",
    "migrate": "--json",
    "web": "--host --port",
    "worker": "--children",
    "beat": "",
    "inbound": "--port",
    "render": "FILE --out --as --json",
    "check": "FILE --json",
    "import": "FILE.csv --list --create --consent --dry-run --suppress --json",
    "export": "--list --json",
    "send": "FILE --list --follow --to --dry-run --at --valid-for --retry --no-brakes --wait --allow-unsafe --update",
    "test": "FILE ISSUE --to --group --as --update --json",
    "sends": "--json",
    "status": "SEND --watch --json",
    "pause": "SEND --json",
    "resume": "SEND --json",
    "cancel": "SEND --json",
    "audit": "SEND --json",
    "ledger": "SEND --state --json",
    "who": "EMAIL --json",
    "alert": "--test --away --json",
    "classify": "FILE --json",
    "feedback": "--to --json replay",
    "mailbox": "list set test look retry remove --json",
    "webhook": "list set remove --json",
    "dkim": "new rotate activate retire body list --json",
    "doctor": "--probe --returned --newsletter --json",
    "user": "--json",
}


@pytest.mark.parametrize("command", PROMISED)
def test_each_command_explains_itself_and_its_options(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert said.startswith(f"usage: pressrun {command}")
    for word in PROMISED[command].split():
        assert word in said


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_each_option_has_a_word_of_explanation(command):
    [commands] = [action for action in cli.parser(command)._actions if hasattr(action, "choices") and action.choices]
    options = [action for action in commands.choices[command]._actions if not isinstance(action.choices, dict)]
    assert all(action.help for action in options)


def test_the_list_of_commands_is_complete_and_says_what_each_does(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    assert set(PROMISED) <= set(cli.COMMANDS)
    for command, (_, summary) in cli.COMMANDS.items():
        assert f"    {command}" in said
        assert summary.split()[0] in said
    assert "0 ok, 1 the work failed, 2 wrong usage" in said


@pytest.mark.parametrize("words", [["--help"], ["render", "--help"], ["check", "--help"], ["classify", "--help"],
                                   ["send", "--help"], ["status", "--help"]])  # fmt: skip
def test_help_pays_for_neither_django_nor_celery(words):
    look = (
        "import sys\nfrom pipeline.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", look, *words], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "pipeline" in loaded
    heavy = {"celery", "kombu", "redis", "wagtail", "psycopg", "rich"}
    if words[0] in {"--help", "render", "check", "classify"}:
        heavy |= {"django"}
    assert not heavy & loaded


def one_document(text: str) -> dict:
    """The one JSON document that this is; anything before or after it is an error."""
    found, end = json.JSONDecoder().raw_decode(text)
    assert text[end:].strip() == ""
    return found


@pytest.fixture
def relay(tmp_path):
    with RecordingRelay(tmp_path, script={"rcpt": {"^gone": ["550 5.1.1 No such user"]}}) as running:
        yield running


@pytest.fixture
def house(make_house: Callable[..., House], relay) -> House:
    made = make_house(SMTP_URL=relay.url)
    made.start("worker")
    made.write_issue()
    made.import_people(["kim@example.com", "gone@example.com", "KIM@example.com"])
    return made


def moment(**ago: int) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def test_a_send_waits_for_its_time_and_one_that_is_hours_late_for_a_person(house, relay):
    later = house.json("send", "issue.md", "--list", "all", "--at", moment(hours=-1), "--valid-for", "2h")
    assert (later["send"], later["state"], later["counts"]) == (1, "scheduled", {})
    late = one_document(
        house.run("send", "issue.md", "--list", "all", "--at", moment(hours=3), "--json", status=1).stdout
    )
    assert late["state"] == "held"
    assert "two hours ago" in late["state_reason"]
    with house.database() as database:
        [swept] = database.execute("SELECT now()").fetchone()
        until(
            lambda: database.execute(
                "SELECT at FROM pipeline_marker WHERE name = 'sweep' AND at > %s + interval '2 seconds'", [swept]
            ).fetchone(),
            what="two sweeps",
        )
    assert relay.received() == []
    assert [(row["send"], row["state"]) for row in house.json("sends")] == [(2, "held"), (1, "scheduled")]

    assert house.json("resume", "2")["state"] == "scheduled"
    assert [entry["rcpt"] for entry in relay.wait_for(1)] == ["kim@example.com"]
    assert house.json("cancel", "1") == {"send": 1, "state": "cancelled"}
    until(lambda: house.json("status", "2")["state"] == "finished", what="the end of the held send")
    assert relay.wait_for(1) == relay.received()


def test_a_send_and_its_books_speak_to_programs(house, relay):
    done = house.run("send", "issue.md", "--list", "all", "--wait", "--json")
    sent = one_document(done.stdout)
    assert set(sent) == {
        "send", "state", "state_reason", "audience", "counts", "reasons", "feedback", "rate", "ends_at", "waiting_for",
        "until",
    }  # fmt: skip
    assert (sent["state"], sent["audience"]) == ("finished", 2)
    assert sent["counts"] == {"accepted": 1, "rejected": 1}
    assert sent["reasons"] == {"accepted": {"taken": 1}, "rejected": {"no-such-mailbox": 1}}
    number = str(sent["send"])
    assert one_document(house.run("status", number, "--json").stdout) == sent

    lines = house.run("ledger", number).stdout.splitlines()
    assert lines[0] == LEDGER
    rows = {row["email"]: row for row in csv.DictReader(io.StringIO("\n".join(lines)))}
    assert set(rows) == {"kim@example.com", "gone@example.com"}
    [taken] = relay.received()
    kim = rows["kim@example.com"]
    assert (kim["state"], kim["reason"], kim["attempts"], kim["retried"]) == ("accepted", "taken", "1", "false")
    assert kim["message_id"] == taken["message_id"]
    assert kim["reply"].startswith("250 ")
    assert datetime.fromisoformat(kim["updated_at"]).tzinfo
    assert house.json("ledger", number) == [*csv.DictReader(io.StringIO("\n".join(lines)))]
    assert [row["email"] for row in house.json("ledger", number, "--state", "rejected")] == ["gone@example.com"]

    story = house.json("who", "Gone@Example.com")
    assert set(story) == {"email", "known", "subscriptions", "suppressions", "mails"}
    assert [(held["reason"], held["scope"]) for held in story["suppressions"]] == [("dead-address", "all")]
    assert [(mail["send_id"], mail["state"], mail["reason"]) for mail in story["mails"]] == [
        (sent["send"], "rejected", "no-such-mailbox")
    ]
    assert house.json("who", "nobody@example.com", status=1)["known"] is False

    audit = house.json("audit", number)
    assert (audit["send"], audit["ok"]) == (sent["send"], True)
    assert [found["invariant"] for found in audit["findings"]] == [f"I{n}" for n in range(1, 9)]
    with house.database() as database:
        database.execute("DELETE FROM pipeline_delivery WHERE email = 'gone@example.com'")
    failed = house.run("audit", number, status=1).stdout
    assert "BAD I1" in failed
    assert failed.endswith("audit: FAILED\n")
    assert house.json("audit", number, status=1)["ok"] is False


def test_people_and_programs_get_the_list_out_again(house):
    exported = list(csv.DictReader(io.StringIO(house.run("export", "--list", "all").stdout)))
    assert {row["email"]: row["status"] for row in exported} == {
        "kim@example.com": "subscribed",
        "gone@example.com": "subscribed",
    }
    told = house.json("export", "--list", "all", "--out", "people.csv")
    assert told == {"list": "all", "rows": 2, "file": "people.csv"}
    house.run("export", "--list", "all", "--json", status=2)
    dry = house.json("import", "people.csv", "--list", "all", "--dry-run")
    assert (dry["rows"], dry["already"], dry["added"]) == (2, 2, 0)
    house.run("import", "people.csv", "--suppress", "manual")
    counts = house.json("send", "issue.md", "--list", "all", "--wait")["counts"]
    assert counts == {"skipped": 2}


def test_a_send_shows_itself_to_a_person(house):
    done = house.run("send", "issue.md", "--list", "all", "--wait")
    assert "Send 1: finished" in done.stdout
    assert "handed over" in done.stdout
    assert "audience 2" in done.stdout
    assert "handed over" in house.run("status", "1", "--watch").stdout
    assert "city" in house.run("sends").stdout
    assert "dead-address" in house.run("who", "gone@example.com").stdout
    assert "audit: ok" in house.run("audit", "1").stdout
