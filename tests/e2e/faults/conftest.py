"""Stages for faults, and the choice between a few minutes and real life."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house import House
from services import Services
from stage import Pace, Stage


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes its real time runs only when it is asked for: `-m long`."""
    if "long" in config.getoption("-m"):
        return
    patient = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=patient)
    items[:] = [item for item in items if item not in patient]


@pytest.fixture(params=["short", pytest.param("long", marks=pytest.mark.long)])
def pace(request: pytest.FixtureRequest) -> Pace:
    """For a test that is worth its real time as well."""
    return Pace(1) if request.param == "long" else Pace()


@pytest.fixture(scope="module")
def shared(new_house: Callable[..., House], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage with one worker for all tests of a module whose fault is the relay's or the readers'."""
    folder = tmp_path_factory.mktemp("stage")
    with new_house(folder / "house", **Pace().variables()) as house, Stage(house, folder) as stage:
        house.environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent / "poison")
        stage.work()
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    yield shared
    shared.close()


@pytest.fixture
def make_stage(new_house: Callable[..., House], tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Make a stage of a test's own; what it runs ends with the test."""
    made: list[Stage] = []

    def make(pace: Pace | None = None, **variables: str) -> Stage:
        house = new_house(tmp_path / f"house{len(made)}", **(pace or Pace()).variables() | variables)
        made.append(Stage(house.__enter__(), tmp_path))
        return made[-1].__enter__()

    yield make
    for stage in made:
        stage.__exit__()
        stage.house.__exit__()


@pytest.fixture
def own_services(tmp_path: Path) -> Iterator[Services]:
    """A database that a test may end, and a queue beside it."""
    with Services(tmp_path / "services") as services:
        yield services


@pytest.fixture
def own_stage(own_services: Services, tmp_path: Path) -> Iterator[Stage]:
    """A stage on them, with its worker."""
    urls = {"database_url": own_services.urls["database"], "broker_url": own_services.urls["broker"]}
    with House(tmp_path / "house", **urls, **Pace().variables()) as house:
        house.run_alone("migrate")
        with Stage(house, tmp_path) as stage:
            stage.work()
            yield stage
