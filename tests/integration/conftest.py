"""Tests against a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import connection, connections
from django.db.models.signals import post_migrate
from django.test import Client
from newsroom import Newsroom, signed_in
from psycopg.conninfo import conninfo_to_dict
from pytest_django import DjangoDbBlocker
from scene import Scene
from wagtail.models import Collection, GroupCollectionPermission, Locale

from pipeline import cli
from pipeline.commands import environment
from pipeline.delivery.signing import forget_signers
from pipeline.keys import keyring
from pipeline.models import Policy

if TYPE_CHECKING:
    from dovecot import Account, Dovecot


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    services: dict[str, str], template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The tests' database is a copy of the one that `pressrun migrate` made, so that both cost one migration."""
    found = conninfo_to_dict(services["database"])
    connections["default"].settings_dict.update(
        NAME=found["dbname"], USER=found["user"], HOST=found["host"], PORT=found.get("port", ""), PASSWORD=""
    )
    connections["default"].settings_dict["TEST"]["TEMPLATE"] = template
    settings.BROKER_URL = services["broker"]
    settings.MEDIA_ROOT = tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session", autouse=True)
def _rows_of_migrations(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A test with real transactions ends by emptying every table, those too that migrations have put rows into."""
    del django_db_setup
    with django_db_blocker.unblock():
        there_is_one = Group._meta.db_table in connection.introspection.table_names()
        groups = Group.objects.all() if there_is_one else []  # where no test that was chosen wants a database
        rights = {group.name: _rights(group) for group in groups}
        policies = list(Policy.objects.all()) if there_is_one else []
    last = [app for app in apps.get_app_configs() if app.models_module][-1]

    def restore(sender: AppConfig, **_: object) -> None:
        if sender is not last:  # then every permission is there again
            return
        Policy.objects.bulk_create(policies, ignore_conflicts=True)
        root = Collection.get_first_root_node() or Collection.add_root(name="Root")
        Locale.objects.get_or_create(language_code=settings.LANGUAGE_CODE)
        there = {one.natural_key(): one for one in Permission.objects.select_related("content_type")}
        for name, (everywhere, in_the_library) in rights.items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set([there[key] for key in everywhere])
            for key in in_the_library:
                GroupCollectionPermission.objects.get_or_create(group=group, collection=root, permission=there[key])

    post_migrate.connect(restore, dispatch_uid="rows")
    yield
    post_migrate.disconnect(dispatch_uid="rows")


def _rights(group: Group) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """What a group may do, and what with the root of the library."""
    library = Permission.objects.filter(groupcollectionpermission__group=group)
    return [one.natural_key() for one in group.permissions.all()], [one.natural_key() for one in library]


@pytest.fixture(autouse=True)
def _fresh_keys() -> Iterator[None]:
    """Each test's database makes its own keys."""
    keyring.cache_clear()
    forget_signers()
    yield
    keyring.cache_clear()
    forget_signers()


@pytest.fixture(autouse=True)
def _fresh_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each test's database is rolled back or emptied; a note in a shared home would rightly call that a loss."""
    monkeypatch.setattr(settings, "HOME", tmp_path_factory.mktemp("home"))


@pytest.fixture
def scene(db: None) -> Scene:
    return Scene()


@pytest.fixture
def newsroom(db: None) -> Newsroom:
    return Newsroom()


@pytest.fixture
def bo(db: None) -> Client:
    """Administers."""
    return signed_in("bo", superuser=True)


@pytest.fixture(scope="session")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Dovecot"]:
    """A mail server for all tests; each takes an `account`."""
    from certificates import make_certificate
    from dovecot import Dovecot

    with Dovecot(*make_certificate(tmp_path_factory.mktemp("tls"))) as running:
        yield running


@pytest.fixture
def account(dovecot: "Dovecot", monkeypatch: pytest.MonkeyPatch) -> "Account":
    """An empty mailbox on a server whose certificate is trusted, as an operator adds that of their own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate))
    return dovecot.account()


@pytest.fixture
def pressrun(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> Callable[..., tuple[str, ...]]:
    """Run a command in this process and this database; gives what it said on stdout and stderr."""
    monkeypatch.setattr(environment, "prepare", lambda: None)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, status: int = 0) -> tuple[str, ...]:
        try:
            ended = cli.main(words)
        except SystemExit as wrong_usage:
            ended = int(wrong_usage.code or 0)
        said = tuple(stream.decode() for stream in capfdbinary.readouterr())
        assert ended == status, said
        return said

    return run
