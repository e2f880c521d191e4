"""Whatever is wrong is said in one sentence that a person can act on, with the right status, and changes nothing."""

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from broker import Broker
from house import ISSUE, House

SPY = """\
import socket
def note(self, address, connect=socket.socket.connect):
    if self.family != socket.AF_UNIX:
        with open({log!r}, "a") as file:
            print(address, file=file)
    return connect(self, address)
socket.socket.connect = note
"""
"""Loaded by each Python of a house before anything else: writes down whom it wants to talk to."""


@pytest.fixture(scope="module")
def house(services, template, tmp_path_factory):
    """One installation for all: nothing may change in it, which each test checks."""
    name = f"bad_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(services["database"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    head, _, query = services["database"].partition("?")
    url = f"{head.rpartition('/')[0]}/{name}?{query}"
    given = {"database_url": url, "broker_url": services["broker"], "SMTP_URL": "smtp://127.0.0.1:1?starttls=never"}
    with House(tmp_path_factory.mktemp("house"), **given) as made:
        made.import_people(["kim@example.com"])
        made.write_issue()
        made.run("send", "issue.md", "--list", "all", "--at", "2099-01-01T09:00+09:00")
        yield made


def everything(house: House) -> dict[str, str]:
    """Table → a hash of all its rows."""
    with house.database() as database:
        tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        hashes = (
            f"SELECT '{name}', md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM \"{name}\" t"
            for (name,) in tables
        )
        return dict(database.execute(" UNION ALL ".join(hashes)).fetchall())


Run = tuple[Sequence[str], Mapping[str, str | None]]


def together(house: House, runs: Sequence[Run]) -> list[subprocess.CompletedProcess[str]]:
    """Several commands; those with variables of their own at once, since most of the time of each is its start."""

    def run(given: Run) -> subprocess.CompletedProcess[str]:
        words, variables = given
        environment = house.environment | {f"PRESSRUN_{name}": text or "" for name, text in variables.items()}
        command = [*house._command(), *words]
        return subprocess.run(command, env=environment, cwd=house.folder, capture_output=True, text=True, check=False)

    if not any(variables for _, variables in runs):
        return [house.run(*words, status=None) for words, _ in runs]
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(run, runs))


def refusals(house: House, *runs: Sequence[str], status: int = 1, **variables: str | None) -> list[str]:
    """What each command says; each fails with this status, without a traceback, and changes nothing."""
    before = everything(house)
    done = together(house, [(words, variables) for words in runs])
    assert everything(house) == before
    for words, one in zip(runs, done, strict=True):
        assert (one.returncode, one.stdout) == (status, ""), f"{words}: {one.stdout}{one.stderr}"
        assert one.stderr.strip()
        assert "Traceback" not in one.stderr
    return [one.stderr for one in done]


def refused(house: House, *words: str, **variables: str | None) -> str:
    return refusals(house, words, **variables)[0]


# Files


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (ISSUE.replace("number: 1\n", "number: one\n"), "issue-bad.md, line 8, column 9", "whole number"),
        (ISSUE.replace("date: 2026-11-22\n", "date: soon\n"), "issue-bad.md, line 9, column 7", "2021-08-31"),
        (ISSUE.replace("the bridge is", "{{ password }} is"), "line 1, column 44", "no field 'password'"),
        ("no front matter", "issue-bad.md, line 1, column 1", "must be ---"),
    ],
)
def test_a_broken_issue_file_is_named_with_line_and_column(house, text, place, words):
    (house.folder / "issue-bad.md").write_text(text)
    said = refused(house, "send", "issue-bad.md", "--list", "all")
    assert place in said
    assert words in said


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"name,phone\nKim,1\n", "email"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ""),
        (b"", ""),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(house, octets, words):
    (house.folder / "people.csv").write_bytes(octets)
    said = refused(house, "import", "people.csv", "--list", "all")
    assert "people.csv" in said
    assert words in said
    assert "Nothing was imported" in said


def test_rows_that_are_no_people_are_named_one_by_one(house):
    (house.folder / "people.csv").write_text('email\nnobody\n"never closed')
    done = house.run("import", "people.csv", "--list", "all", status=1)
    assert "row 2, email" in done.stderr
    assert "row 3" in done.stderr


def test_what_does_not_exist_is_named_with_what_does(house):
    (house.folder / "good.csv").write_text("email\nlee@example.com\n")
    missing = {
        ("send", "issue.md", "--list", "nobody"): ("There is no list nobody", "Lists: all"),
        ("import", "good.csv", "--list", "nobody"): ("nobody", "--create"),
        ("export", "--list", "nobody"): ("nobody", "all"),
        ("send", "nowhere.md", "--list", "all"): ("nowhere.md", ""),
        ("import", "nowhere.csv", "--list", "all"): ("nowhere.csv", "Nothing was imported"),
    }
    for error, (said, hint) in zip(refusals(house, *missing), missing.values(), strict=True):
        assert said in error
        assert hint in error


def test_a_first_issue_for_nobody_leaves_no_newsletter_behind(house):
    """What is filed before the list is looked for goes away with it."""
    (house.folder / "new.md").write_text(ISSUE.replace("slug: city", "slug: harbour"))
    assert "There is no list nobody" in refused(house, "send", "new.md", "--list", "nobody")


def test_a_newsletter_that_differs_from_the_file_is_not_changed_by_the_way(house):
    (house.folder / "differs.md").write_text(ISSUE.replace("name: City Letter", "name: Town Letter"))
    said = refused(house, "send", "differs.md", "--list", "all")
    assert "--update" in said
    assert '"City Letter" here, "Town Letter" in the file' in said
    (house.folder / "unknown.md").write_text(
        "---\nnewsletter: harbour\nnumber: 1\n" + ISSUE.partition("number: 1\n")[2]
    )
    assert "harbour" in refused(house, "send", "unknown.md", "--list", "all")


# Sends


def test_a_send_that_does_not_exist_is_said_to_be_missing(house):
    acts = ("status", "ledger", "audit", "pause", "resume", "cancel")
    for said in refusals(house, *((act, "4711") for act in acts)):
        assert "There is no send 4711" in said
        assert "`pressrun sends` lists them" in said


def test_an_act_that_the_state_does_not_allow_is_refused_by_name(house):
    for act, said in zip(("pause", "resume"), refusals(house, ("pause", "1"), ("resume", "1")), strict=True):
        assert f"Send 1 is scheduled, so it cannot be {act}d" in said
        assert "Nothing was changed" in said


def test_the_error_is_a_document_too_where_json_was_asked_for(house):
    done = house.run("status", "4711", "--json", status=1)
    assert "There is no send 4711" in json.loads(done.stdout)["error"]


# Relays


def test_laptop_defaults_never_talk_to_a_real_relay(house, tmp_path):
    log = tmp_path / "talked"
    (tmp_path / "sitecustomize.py").write_text(SPY.format(log=str(log)))
    (house.folder / "plain.md").write_text(
        ISSUE.replace("slug: city", "slug: plain").replace("  postal_address: 1 Town Square, Sejong\n", "")
    )
    path = os.pathsep.join([str(tmp_path), house.environment["PYTHONPATH"]])
    house.environment["PYTHONPATH"], before = path, house.environment["PYTHONPATH"]
    said = refused(house, "send", "plain.md", "--list", "all", SMTP_URL="smtp://192.0.2.1")
    house.environment["PYTHONPATH"] = before
    assert "192.0.2.1:25 reaches real people" in said
    for reason in ("PRESSRUN_BASE_URL is http://127.0.0.1:8000", "PRESSRUN_BOUNCE_DOMAIN is", "no postal address"):
        assert said.count(reason) == 1
    assert "Nothing was sent" in said
    assert not log.exists(), log.read_text()


def test_the_spy_of_the_test_above_sees_a_connection(tmp_path):
    log = tmp_path / "talked"
    (tmp_path / "sitecustomize.py").write_text(SPY.format(log=str(log)))
    talk = "import socket; socket.socket().connect_ex(('127.0.0.1', 1)); socket.socket().connect(('127.0.0.1', 1))"
    subprocess.run([sys.executable, "-c", talk], env={"PYTHONPATH": str(tmp_path)}, check=False, capture_output=True)
    assert "127.0.0.1" in log.read_text()


def test_without_a_relay_nothing_is_scheduled(house):
    said = refused(house, "send", "issue.md", "--list", "all", SMTP_URL=None)
    assert "There is no relay" in said
    assert "PRESSRUN_SMTP_URL" in said
    assert "pressrun up" in said


def test_doctor_names_what_is_wrong_and_goes_on(house):
    away = "redis://127.0.0.1:1/0"
    runs: list[Run] = [(["doctor", "--json"], {}), (["doctor", "--json"], {"BROKER_URL": away})]
    for (_, variables), done in zip(runs, together(house, runs), strict=True):
        found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        assert done.returncode == 1
        assert found["database"]["verdict"] == "ok"
        assert found["relay"]["verdict"] == "bad"
        assert "127.0.0.1:1" in found["relay"]["detail"]
        assert found["broker"]["verdict"] == ("bad" if variables else "ok")
        assert "Traceback" not in done.stderr


# The installation


@pytest.mark.parametrize("part", ["web", "inbound", "inbox"])
def test_a_port_that_is_taken_is_named(house, part):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused(house, part, "--port", port)
    assert port in said
    assert "--port" in said


def test_a_home_that_cannot_be_written_is_named(house, tmp_path):
    (tmp_path / "file").write_text("")
    said = refused(house, "sends", HOME=str(tmp_path / "file" / "home"), DATABASE_URL=None, BROKER_URL=None)
    assert str(tmp_path / "file" / "home") in said
    assert "PRESSRUN_HOME" in said


def test_a_database_without_its_migrations_is_left_alone(house, services):
    name = f"empty_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(services["database"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, _, query = services["database"].partition("?")
    url = f"{head.rpartition('/')[0]}/{name}?{query}"
    runs = (["sends"], ["send", "issue.md", "--list", "all"], ["worker"])
    for said in refusals(house, *runs, DATABASE_URL=url):
        assert "Nothing was changed. Run `pressrun migrate` first" in said
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_database_that_does_not_answer_is_named(house):
    url = "postgresql://127.0.0.1:1/nothing"
    for said in refusals(house, ["sends"], ["worker"], ["migrate"], DATABASE_URL=url):
        assert "PRESSRUN_DATABASE_URL: the database does not answer" in said
        assert "Nothing was changed" in said


def test_a_queue_that_may_throw_things_away_is_refused(house, tmp_path):
    with Broker(tmp_path, "--maxmemory-policy", "allkeys-lru") as broker:
        for said in refusals(house, ["worker"], ["beat"], BROKER_URL=broker.url):
            assert "PRESSRUN_BROKER_URL" in said
            assert "allkeys-lru" in said
            assert "noeviction" in said


def test_each_bad_value_is_named_with_what_is_allowed(house):
    bad = {
        "DATABASE_URL": ("mysql://x", "postgresql://"),
        "BROKER_URL": ("http://x", "redis://"),
        "SMTP_URL": ("smtp://me:s3cret@relay.example?rate=often", "rate=N"),
        "BASE_URL": ("ftp://x", "https://news.example.org"),
        "STORAGE": ("s3://KEY:s3cret@bucket?regoin=x", "s3://key:secret@bucket/prefix"),
        "MEDIA_URL": ("cdn.example.org", "https://cdn.example.org"),
        "BOUNCE_DOMAIN": ("a b", "bounces.example.org"),
        "SECRET_KEY": ("short", "32 characters"),
        "MAIL_FROM": ("the city desk", "City Hall <ops@example.org>"),
        "ALERT_URL": ("nowhere", "http(s)"),
        "ALERT_SECRET": ("s3cret", "openssl rand -base64 32"),
        "DEBUG": ("maybe", "0 or 1"),
        "RETRY": ("soon", "1m,5m,1h"),
        "VALID_FOR": ("-1h", "72h"),
        "UNCERTAIN_WAIT": ("0s", "10m"),
        "LEASE": ("45", "45s"),
        "SWEEP": ("1 week", "5s"),
        "TIME_SCALE": ("0.1", "1, or less in a test"),  # outside DEBUG
    }

    answers = together(house, [(["sends"], {name: text}) for name, (text, _) in bad.items()])
    for (name, (_, allowed)), done in zip(bad.items(), answers, strict=True):
        assert (done.returncode, done.stdout) == (1, ""), name
        assert f"PRESSRUN_{name}: " in done.stderr
        assert allowed in done.stderr.partition("llowed: ")[2], done.stderr
        assert "Traceback" not in done.stderr
        assert "s3cret" not in done.stderr


def test_a_secret_key_is_asked_for_beside_a_database(house):
    assert "PRESSRUN_SECRET_KEY or PRESSRUN_SECRET_KEY_FILE must be set" in refused(house, "sends", SECRET_KEY=None)
    said = refused(house, "sends", SECRET_KEY=None, SECRET_KEY_FILE="/nowhere/key")
    assert "PRESSRUN_SECRET_KEY_FILE: /nowhere/key cannot be read" in said


WRONG_USAGE = (
    [],
    ["dance"],
    ["send", "issue.md"],
    ["send", "issue.md", "--list", "all", "--at", "yesterday"],
    ["send", "issue.md", "--list", "all", "--valid-for", "five bananas"],
    ["send", "issue.md", "--list", "all", "--retry", "0s"],
    ["status", "one"],
    ["ledger", "1", "--state", "lost"],
    ["import", "good.csv"],
    ["worker", "--children", "0"],
    ["web", "--port", "http"],
)


def test_wrong_usage_is_status_2_and_says_what_would_be_right(house):
    refusals(house, *WRONG_USAGE, status=2)


def test_the_tests_own_look_at_the_tables_sees_a_change(house):
    before = everything(house)
    with house.database() as database:
        database.execute("INSERT INTO pipeline_marker (name, text, at) VALUES ('seen', '', now())")
        assert everything(house) != before
        database.execute("DELETE FROM pipeline_marker WHERE name = 'seen'")
    assert everything(house) == before


def test_the_house_is_as_it_was(house):
    rows = house.json("sends")
    assert [(row["send"], row["state"]) for row in rows] == [(1, "scheduled")]
