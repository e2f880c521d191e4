"""What docker-compose.yml, the Dockerfile and the Procfile promise, read without a Docker engine."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from pipeline.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
OURS = ("migrate", "web", "worker", "beat", "inbound")
LONG_LIVED = ("web", "worker", "beat", "inbound")
WORKER_GRACE_SECONDS = 90


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_the_services_are_those_of_the_design(services):
    assert set(services) == {"postgres", "redis", *OURS, "mailpit"}


@pytest.mark.parametrize("service", OURS)
def test_each_service_of_ours_runs_a_command_that_exists(services, service):
    program, command, *_ = services[service]["command"]
    assert (program, command) == ("pressrun", service)
    assert command in COMMANDS


def test_the_queue_neither_forgets_nor_evicts(services):
    command = services["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options == {"--appendonly": "yes", "--maxmemory-policy": "noeviction"}
    assert services["redis"]["volumes"] == ["queue:/data"]


def test_a_worker_may_finish_what_it_holds(services):
    assert seconds(services["worker"]["stop_grace_period"]) >= WORKER_GRACE_SECONDS


@pytest.mark.parametrize("service", [*LONG_LIVED, "postgres", "redis", "mailpit"])
def test_everything_that_stays_up_has_a_health_check(services, service):
    check = services[service]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert seconds(check["timeout"]) <= seconds(check["interval"])


def test_migrations_run_once_before_everything_else(services):
    assert services["migrate"]["restart"] == "no"
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for service in LONG_LIVED:
        assert services[service]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
        assert services[service]["restart"] == "unless-stopped"


def test_secrets_come_from_files_alone(compose, services):
    for service in OURS:
        environment = services[service]["environment"]
        files = {name: value for name, value in environment.items() if name.endswith("_FILE")}
        assert {Path(path).name for path in files.values()} == set(services[service]["secrets"])
        assert set(files) >= {
            "PRESSRUN_SECRET_KEY_FILE",
            "PRESSRUN_DATABASE_PASSWORD_FILE",
            "PRESSRUN_SMTP_URL_FILE",
        }
        assert not set(environment) & {name.removesuffix("_FILE") for name in files}
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/database_password"
    assert all(secret["file"] == f"var/secrets/{name}" for name, secret in compose["secrets"].items())
    assert not re.search(r"://[^/\s]*:[^/\s$@]+@", (ROOT / "docker-compose.yml").read_text()), (
        "a password in an address"
    )


def test_make_writes_every_secret_once(compose, tmp_path):
    make = ["make", "--file", ROOT / "Makefile", "secrets"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    written = {path.name: path.read_text() for path in (tmp_path / "var" / "secrets").iterdir()}
    assert set(written) == set(compose["secrets"])
    assert len(written["secret_key"]) >= 50
    assert written["secret_key"] != written["database_password"]
    assert (tmp_path / "var" / "secrets").stat().st_mode & 0o077 == 0
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (tmp_path / "var" / "secrets").iterdir()} == written


def test_no_secret_can_be_committed_or_copied_into_an_image(compose):
    assert "var/" in (ROOT / ".gitignore").read_text().split()
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    assert not any(rule.startswith("!var") for rule in rules)


def test_only_this_machine_reaches_the_published_ports(services):
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert not any("outside" in services[service]["networks"] for service in ("postgres", "redis"))


def test_containers_of_ours_hold_no_rights_and_write_to_their_volume_alone(services):
    for service in OURS:
        assert services[service]["read_only"] is True
        assert services[service]["cap_drop"] == ["ALL"]
        assert services[service]["security_opt"] == ["no-new-privileges:true"]


def test_the_fake_relay_is_never_started_unasked(services):
    assert services["mailpit"]["profiles"] == ["mailpit"]


def test_the_image_installs_hashed_wheels_and_runs_as_nobody_special():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "pip wheel --no-cache-dir --quiet --require-hashes --requirement requirements.lock" in dockerfile
    assert "--no-index --find-links /wheels" in dockerfile
    final = dockerfile.rpartition("FROM ")[2]
    assert "\nUSER pressrun\n" in final
    assert "PRESSRUN_HOME=/var/lib/pressrun" in final


def test_the_image_gets_every_package_that_the_wheel_holds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = (ROOT / ".dockerignore").read_text().split()
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package} {package}\n" in dockerfile
        assert f"!{package}" in allowed


def test_the_procfile_runs_the_same_commands():
    lines = [line.partition(": ") for line in (ROOT / "Procfile").read_text().splitlines()]
    assert [name for name, _, _ in lines] == [*LONG_LIVED, "inbox"]
    assert all(command == f"pressrun {name}" and name in COMMANDS for name, _, command in lines)


@pytest.mark.parametrize("service", OURS)
def test_own_layouts_are_there_for_reading_where_a_folder_is_named(compose, services, service):
    assert services[service]["environment"]["PRESSRUN_LAYOUTS"] == "${PRESSRUN_LAYOUTS:+/layouts}"
    assert "${PRESSRUN_LAYOUTS:-layouts}:/layouts:ro" in services[service]["volumes"]
    assert "layouts" in compose["volumes"]
