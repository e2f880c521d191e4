"""The embedded services on an ordinary day, with real processes: who starts them, who shares them, who ends them."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from embedded_home import COMMAND, ENVIRONMENT, NOBODY, TITLES, folder_of, living, nothing_left, one, user_of, visit
from house import until
from kombu import Connection

from pipeline import embedded
from pipeline.embedded import home as places

# -- what there is


def test_a_first_start_gives_both_services_and_the_next_user_the_same(fresh):
    first = user_of(fresh)
    keeper = one(fresh, TITLES["keeper"])
    second = user_of(fresh)
    assert (second.database_url, second.broker_url) == (first.database_url, first.broker_url)
    assert one(fresh, TITLES["keeper"]) == keeper
    assert visit(fresh) == 1
    first.close()
    second.close()


def test_the_database_is_durable_private_and_speaks_unicode(home):
    user = user_of(home)
    with psycopg.connect(user.database_url) as db:
        shown = {
            name: db.execute(f"SHOW {name}").fetchone()[0]
            for name in ("listen_addresses", "fsync", "synchronous_commit", "data_checksums", "server_encoding")
        }
        assert shown == {
            "listen_addresses": "",
            "fsync": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
        }
        assert db.execute("SELECT upper('é'), '가' < '나', version()").fetchone()[:2] == ("É", True)
        locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
        assert db.execute(locale).fetchone() == ("b", "C.UTF-8")
    user.close()


def test_the_broker_keeps_what_it_is_given(home):
    user = user_of(home)
    with Connection(user.broker_url) as broker:
        client = broker.default_channel.client
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("appendonly")["appendonly"] == "yes"
        assert client.config_get("port")["port"] == "0"
        client.set("kept", "yes")
    user.close()
    visit(home, "stop")
    assert nothing_left(home)
    user = user_of(home)
    with Connection(user.broker_url) as broker:
        assert broker.default_channel.client.get("kept") == b"yes"
    user.close()


@pytest.mark.parametrize("wanted", [{"database": False}, {"broker": False}])
def test_one_service_alone_may_be_wanted(home, wanted):
    try:
        endpoints = embedded.attach(home, **wanted)
        assert embedded.attach(home) == endpoints
    finally:
        embedded.detach(stop=True)
    assert nothing_left(home)


def test_settings_of_whoever_starts_it_do_not_leak_into_the_servers(home):
    user = user_of(home, PGPORT="6000", PGUSER="somebody", LC_ALL="xx_XX", PRESSRUN_SECRET_KEY="tell nobody")
    assert visit(home) == 2
    keeper = Path(f"/proc/{one(home, TITLES['keeper'])}/environ").read_bytes()
    assert b"tell nobody" not in keeper
    user.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another user")
def test_no_other_user_of_the_machine_gets_in(home):
    user = user_of(home)
    assert folder_of(home).stat().st_mode & 0o777 == 0o700
    for name in (".s.PGSQL.5432", "redis.sock"):
        program = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", "test", "-e", str(folder_of(home) / name)]
        assert (folder_of(home) / name).is_socket()
        assert subprocess.run(program, check=False).returncode == 1
    user.close()


# -- who is there, and who was the last


def test_the_services_end_by_themselves_after_the_last_user_even_a_killed_one(home):
    first, second = user_of(home), user_of(home)
    keeper = one(home, TITLES["keeper"])
    first.close()
    second.kill()
    until(lambda: nothing_left(home), seconds=20)
    assert keeper is not None
    assert "nobody uses the services" in (home / "keeper.log").read_text()


def test_stop_ends_them_at_once_but_never_under_another_user(home):
    user = user_of(home)
    keeper = one(home, TITLES["keeper"])
    visit(home, "stop")
    assert one(home, TITLES["keeper"]) == keeper
    user.close()
    visit(home, "stop")
    assert nothing_left(home)


def test_a_forked_child_keeps_the_services_up_and_cannot_take_them_from_its_parent(home):
    try:
        embedded.attach(home)
        held = home / "users.lock"
        child = os.fork()
        if child == 0:
            embedded.detach()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert places.try_lock(held, fcntl.LOCK_EX) is None
    finally:
        embedded.detach(stop=True)


def test_ctrl_c_at_the_terminal_does_not_reach_the_servers(home):
    before = user_of(home)
    group = os.getpgid(before.program.pid)
    pids = set(living(home))
    assert all(os.getsid(pid) != group for pid in pids)
    os.killpg(group, signal.SIGINT)
    before.program.wait()
    before.close()
    assert visit(home) == 2
    assert {one(home, TITLES[name]) for name in ("keeper", "postmaster", "redis")} <= pids


def test_many_who_come_at_once_share_one_keeper(fresh):
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(fresh)],
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]
    failed = [errors for program in programs for errors in [program.communicate()[1]] if program.returncode]
    # Two of them may make the table at the same moment; that is PostgreSQL speaking, so it was there.
    assert all(b"UniqueViolation" in errors for errors in failed)
    assert (fresh / "keeper.log").read_text().count("PostgreSQL started") == 1


def test_who_comes_while_the_services_end_gets_live_ones(home):
    arguments = [sys.executable, "-c", COMMAND, str(home), "stop"]
    hurry = home / "services" / "hurry"
    for _ in range(3):
        hurry.unlink(missing_ok=True)
        leaving = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        until(hurry.exists)
        user = user_of(home)
        assert leaving.wait() == 0
        with psycopg.connect(user.database_url) as db:
            assert db.execute("SELECT count(*) > 0 FROM visits").fetchone() == (True,)
        user.close()


def test_a_keeper_told_to_end_is_not_taken_for_a_living_one(home):
    user = user_of(home)
    for visits in range(2, 4):
        os.kill(one(home, TITLES["keeper"]), signal.SIGTERM)
        until((home / "services" / "unready").exists)
        assert visit(home) == visits
    user.close()
