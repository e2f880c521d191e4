"""What every folder of tests shares. Its place puts it on the import path: `from relay import RecordingRelay`."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.utils import translation
from house import House
from services import Services


def pytest_configure() -> None:
    settings.SECRET_KEY = "a key for tests, forty characters long.."
    slow = [hypothesis.HealthCheck.too_slow]  # a busy machine says nothing about an example
    hypothesis.settings.register_profile("pressrun", deadline=None, suppress_health_check=slow, print_blob=True)
    hypothesis.settings.load_profile("pressrun")


@pytest.fixture(autouse=True)
def _in_the_language_of_the_settings() -> Iterator[None]:
    """A page in Korean leaves its language behind in the process, until the next request."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A PostgreSQL and a Redis for all tests, held by a process of their own."""
    with Services(tmp_path_factory.mktemp("services")) as running:
        yield running.urls


@pytest.fixture(scope="session")
def template(services: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated database that others are copied from: milliseconds instead of seconds."""
    house = House(
        tmp_path_factory.mktemp("template"),
        database_url=_named(services["database"], _create(services, "pressrun_template")),
        broker_url=services["broker"],
    )
    house.run_alone("migrate")
    return "pressrun_template"


@pytest.fixture(scope="session")
def new_house(services: dict[str, str], template: str) -> Callable[..., House]:
    """Make an installation in a folder, with a database of its own. Whoever makes it ends it."""

    numbers = itertools.count(1)

    def make(folder: Path, **variables: str) -> House:
        name = _create(services, f"house_{uuid.uuid4().hex[:12]}", template)
        # Each hears its own bell: a Redis has sixteen databases, and no test runs as many workers at once.
        broker = services["broker"].replace("virtual_host=0", f"virtual_host={next(numbers) % 16}")
        given = {"database_url": _named(services["database"], name), "broker_url": broker}
        return House(folder, **given | variables)

    return make


@pytest.fixture
def make_house(new_house: Callable[..., House], tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Make installations that end with the test."""
    numbers = itertools.count()
    with ExitStack() as made:
        yield lambda **variables: made.enter_context(new_house(tmp_path / f"house{next(numbers)}", **variables))


def _create(services: dict[str, str], name: str, template: str = "template0") -> str:
    with psycopg.connect(services["database"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def _named(url: str, name: str) -> str:
    """The same server's URL with another database."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"
