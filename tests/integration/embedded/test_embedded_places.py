"""Where a home may be and whose it may be: any path, copies side by side, socket folders, other accounts."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from embedded_home import (
    ENVIRONMENT,
    NOBODY,
    PROJECT,
    TITLES,
    end,
    folder_of,
    kill,
    living,
    nothing_left,
    one,
    only_these_programs,
    run,
    user_of,
    visit,
)
from house import until

# -- places


@pytest.mark.parametrize("name", ["h" * 150, "Büro, 2. Stock\n100 % 'ja' & \"nein\""])
def test_any_path_will_do(tmp_path, template_home, name):
    home = tmp_path / "deep" / name
    home.parent.mkdir()
    shutil.copytree(template_home, home)
    assert visit(home) == 2
    assert visit(home, "stop") == 3
    assert nothing_left(home)


def test_two_homes_and_a_copy_live_side_by_side(home, template_home, tmp_path):
    other, copy = tmp_path / "other", tmp_path / "copy"
    shutil.copytree(template_home, other)
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
    until(lambda: not folder.exists() and not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids))
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


# -- other users of the machine

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


def test_where_root_may_not_make_a_namespace_the_servers_get_an_account_of_their_own(
    shared_temp, everyones_python, monkeypatch
):
    home = shared_temp / "home"
    redis = ["redis-server"] if shutil.which("redis-server") else []  # else the bundled one
    monkeypatch.setitem(ENVIRONMENT, "PATH", only_these_programs(shared_temp / "bin", "setpriv", "true", *redis))
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
