"""Making staff users: by the command, and the very first one by itself."""

import argparse
import json

import pytest
from django.contrib.auth import authenticate, get_user_model

from pipeline.commands import environment, user
from pipeline.commands.firstrun import ensure_superuser
from pipeline.commands.user import UserError
from pipeline.staff.roles import has_one_time_password

pytestmark = pytest.mark.django_db
GOOD = "a-long-and-odd-password"


@pytest.fixture(autouse=True)
def _ready(monkeypatch):
    """The database is there already."""
    monkeypatch.setattr(environment, "prepare", lambda: None)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    user.add_arguments(parser)
    return user.run(parser.parse_args(["add", *words]))


def test_an_editor_with_a_password_from_a_file(tmp_path, capsys):
    (tmp_path / "password").write_text(f"{GOOD}\n")
    assert run("ada", "--email", "ada@example.org", "--editor", "--password-file", str(tmp_path / "password")) == 0
    ada = authenticate(username="ada", password=GOOD)
    assert ada.email == "ada@example.org"
    assert ada.has_perm("pipeline.change_issue")
    assert not ada.has_perm("pipeline.start_send")
    assert not ada.is_superuser
    assert not has_one_time_password(ada)
    assert GOOD not in capsys.readouterr().out


def test_a_generated_password_is_shown_once_and_must_be_changed(capsys):
    assert run("bo", "--superuser", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    bo = authenticate(username="bo", password=told["password"])
    assert told == {"user": "bo", "superuser": True, "password": told["password"]}
    assert bo.is_superuser
    assert has_one_time_password(bo)


@pytest.mark.parametrize("weak", ["short", "password123", "1234567890123"])
def test_a_weak_password_makes_no_user(tmp_path, weak):
    (tmp_path / "password").write_text(weak)
    with pytest.raises(UserError, match="was not made"):
        run("ada", "--password-file", str(tmp_path / "password"))
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize(
    ("name", "words"), [("ada", "already exists"), ("a b\n", "valid username"), ("x" * 151, "150")]
)
def test_a_name_that_cannot_be_used(name, words):
    run("ada", "--generate")
    with pytest.raises(UserError, match=words):
        run(name, "--generate")
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_password_file_that_cannot_be_used(tmp_path, content):
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    with pytest.raises(UserError, match="No user was made"):
        run("ada", "--password-file", str(tmp_path / "password"))
    assert not get_user_model().objects.exists()


def test_the_first_start_makes_one_admin_and_tells_the_password_once(capsys):
    ensure_superuser()
    told = capsys.readouterr().out
    password = told.partition("password ")[2].split()[0]
    admin = authenticate(username="admin", password=password)
    assert admin.is_superuser
    assert has_one_time_password(admin)
    ensure_superuser()
    assert capsys.readouterr().out == ""
    assert get_user_model().objects.count() == 1


def test_where_there_is_a_user_no_admin_is_made(capsys):
    run("ada", "--generate")
    capsys.readouterr()
    ensure_superuser()
    assert capsys.readouterr().out == ""
    assert not get_user_model().objects.filter(is_superuser=True).exists()
