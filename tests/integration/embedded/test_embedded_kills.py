"""The embedded services after kill -9 of anything, in any order: the next command works and nothing is lost."""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from embedded_home import COMMAND, ENVIRONMENT, TITLES, kill, living, nothing_left, one, user_of, visit
from house import until

from pipeline import embedded


def test_killed_in_any_order_the_next_command_works_and_nothing_is_lost(home):
    chance = random.Random(20)
    users = [user_of(home)]
    sessions = [psycopg.connect(users[0].database_url)]
    for visits in range(2, 10):
        for who in chance.sample([*TITLES, "user"], chance.choice((1, 1, 2, 3, 6))):
            if who != "user":
                kill(home, who)
            elif users:
                users.pop().kill()
        assert visit(home) == visits
        if not users:
            users.append(user_of(home))
        sessions.append(psycopg.connect(users[0].database_url))
    for session in sessions:
        session.close()
    for user in users:
        user.close()
    visit(home, "stop")
    assert nothing_left(home)


def test_a_busy_backend_without_postmaster_and_keeper_does_not_stand_in_the_way(home):
    user = user_of(home)
    db = psycopg.connect(user.database_url)
    db.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000) AS n WHERE n < 0")
    until(lambda: one(home, r"\[local\] SELECT"))
    kill(home, "postmaster", "keeper", "redis")
    assert visit(home) == 2
    db.close()
    user.close()


def test_one_who_stays_finds_the_services_at_the_same_place_after_the_keeper_was_killed(home):
    try:
        before = embedded.attach(home)
        kill(home, "keeper")
        until(lambda: one(home, TITLES["keeper"]) is None)
        assert embedded.attach(home) == before
    finally:
        embedded.detach(stop=True)
    assert nothing_left(home)


# What a killed keeper may leave, where the kernel does not end it too: it answers until some time after SIGTERM.
LEFTOVER = """
import os, signal, socket, sys, threading
signal.signal(signal.SIGTERM, lambda *_: threading.Timer(1, os._exit, [0]).start())
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listens", flush=True)
while True:
    client, _ = listener.accept()
    client.recv(64)
    client.sendall(b"+PONG\\r\\n")
    client.close()
"""


def test_a_server_that_a_killed_keeper_left_is_not_taken_for_a_live_one(home):
    folder = Path(tempfile.mkdtemp(prefix="pressrun-"))
    (home / "services" / "sockets.json").write_text(json.dumps({"folder": str(folder), "home": str(home)}))
    path = folder / "redis.sock"
    leftover = subprocess.Popen(
        [f"redis-server unixsocket:{path}", "-c", LEFTOVER, path], executable=sys.executable, stdout=subprocess.PIPE
    )
    try:
        assert leftover.stdout.readline() == b"listens\n"
        embedded.attach(home, database=False)
        assert leftover.poll() == 0
    finally:
        leftover.kill()
        leftover.communicate()
        embedded.detach(stop=True)


def test_after_a_killed_keeper_the_last_user_sweeps_up(home):
    try:
        embedded.attach(home)
        kill(home, "keeper")
        until(lambda: one(home, TITLES["keeper"]) is None)
    finally:
        embedded.detach()
    until(lambda: nothing_left(home))


def test_a_killed_keeper_takes_its_servers_with_it(home):
    user = user_of(home)
    kill(home, "keeper")
    until(lambda: not living(home))
    user.close()


def test_a_first_start_killed_half_way_leaves_nothing_that_breaks_the_next(fresh):
    first = subprocess.Popen([sys.executable, "-c", COMMAND, str(fresh)], env=ENVIRONMENT)
    stages = (fresh / "services").glob
    until(lambda: any(stage.joinpath("PG_VERSION").exists() for stage in stages("postgres.new-*")))
    first.kill()
    first.wait()
    kill(fresh, "keeper")
    assert not (fresh / "services" / "postgres").exists()
    assert visit(fresh) == 1
    assert not list(stages("postgres.new-*"))


def test_a_process_number_that_now_is_a_strangers_is_no_postmaster(home):
    (home / "services" / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home}\n1\n5432\n\n\n0 0\n")
    assert visit(home) == 2
