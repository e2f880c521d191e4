"""Each service of docker-compose.yml as a process: its own command, environment and health check, no Docker engine.

Only what a container would give is replaced: addresses of PostgreSQL and Redis, paths of the secrets, ports.
"""

import re
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
import yaml
from house import ROOT, House, until

SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
READY = {
    "web": r"Pages on http",
    "worker": r"pipeline\.sweep\[\S+\] succeeded",
    "beat": r"Sending due task sweep",
    "inbound": r"",
}
SECRETS = {
    "database_password": "not asked for on a socket of ours",
    "secret_key": "a key for tests that came out of a file, as on a server",
    "smtp_url": "smtp://127.0.0.1:1?starttls=never",
}


@pytest.fixture(scope="module")
def database_url(services) -> str:
    name = f"compose_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(services["database"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, _, query = services["database"].partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


@pytest.fixture(scope="module")
def server(services, database_url, tmp_path_factory):
    """The machine: secrets as files, addresses in the environment that the compose file names."""
    folder = tmp_path_factory.mktemp("server")
    for name, text in SECRETS.items():
        (folder / name).write_text(f"{text}\n")
    named = SERVICES["web"]["environment"]
    files = {variable: str(folder / Path(path).name) for variable, path in named.items() if variable.endswith("_FILE")}
    variables = {variable.removeprefix("PRESSRUN_"): path for variable, path in files.items()}
    given = {"database_url": database_url, "broker_url": services["broker"], "SECRET_KEY": "", "BOUNCE_DOMAIN": ""}
    with House(folder, **given, **variables) as house:
        yield house


@pytest.fixture(scope="module")
def migrated(server) -> House:
    server.run_alone(*command("migrate"))
    return server


def command(service: str, ports: dict[str, str] | None = None) -> list[str]:
    program, *words = SERVICES[service]["command"]
    assert program == "pressrun"
    return [(ports or {}).get(word, word) for word in words]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def health(house: House, service: str, ports: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The compose file's own check, with this machine's Python and ports."""
    kind, program, *words = SERVICES[service]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    for port, replaced in ports.items():
        words = [word.replace(port, replaced) for word in words]
    return subprocess.run(
        [sys.executable, *words], env=house.environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_nothing_starts_on_a_database_without_its_migrations(server):
    refused = server.run_alone(*command("worker"), status=1)
    assert "Run `pressrun migrate` first" in refused.stderr


@pytest.mark.parametrize("service", READY)
def test_each_service_comes_up_answers_its_check_and_ends_when_asked(migrated, service):
    ports = {"8000": free_port(), "2525": free_port()}
    process = migrated.start(*command(service, ports))

    def ready() -> bool:
        assert process.poll() is None, migrated.log(service)
        return (
            re.search(READY[service], migrated.log(service)) is not None
            and not health(migrated, service, ports).returncode
        )

    until(ready, what=f"{service} being healthy")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, migrated.log(service)
    assert "Traceback" not in migrated.log(service)


@pytest.mark.parametrize("service", ["web", "inbound"])
def test_a_check_of_a_service_that_is_down_fails(migrated, service):
    assert health(migrated, service, {"8000": free_port(), "2525": free_port()}).returncode != 0


def test_a_check_of_a_queue_that_is_down_fails(migrated):
    lost = House(migrated.folder, database_url=migrated.database_url, broker_url=f"redis://127.0.0.1:{free_port()}/0")
    assert health(lost, "worker", {}).returncode != 0


def test_secrets_reach_the_settings_through_their_files(migrated):
    show = """if True:
        from pipeline import settings
        print(settings.DATABASES["default"]["PASSWORD"], settings.SECRET_KEY, settings.SMTP_URL, sep="\\n")
    """
    shown = subprocess.check_output([sys.executable, "-c", show], env=migrated.environment, text=True)
    assert shown.splitlines() == [SECRETS["database_password"], SECRETS["secret_key"], SECRETS["smtp_url"]]
