"""Homes for the embedded services. The cluster is made once; each test works on a copy of it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_home import USERS, end, nothing_left, visit


@pytest.fixture(autouse=True)
def no_user_stays_when_a_test_fails() -> Iterator[None]:
    yield
    while USERS:
        USERS.pop().close()


@pytest.fixture(scope="session")
def disk() -> Iterator[Path]:
    """Where the homes are: in memory where there is plenty, because every crash has PostgreSQL sync its files."""
    memory = Path("/dev/shm")
    plenty = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2e9
    path = Path(tempfile.mkdtemp(prefix="embedded-test-", dir=memory if plenty else None))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def tmp_path(disk: Path) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(dir=disk))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def template_home(disk: Path) -> Path:
    """A home whose cluster is made, and ended."""
    home = disk / "template" / "home"
    visit(home, "stop")
    assert nothing_left(home)
    return home


@pytest.fixture
def home(template_home: Path, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "home"
    shutil.copytree(template_home, path)
    yield path
    end(path)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "not" / "yet"
    yield path
    end(path)


@pytest.fixture
def shared_temp(disk: Path, tmp_path: Path) -> Path:
    """A folder that every user may enter."""
    disk.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path
