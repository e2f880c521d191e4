"""Everything on one machine: checks, then the Procfile's processes until Ctrl-C."""

import argparse
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from pipeline.errors import PressrunError
from pipeline.supervise import Part, read_procfile, run_together

PROCFILE: Final = Path(__file__).resolve().parents[2] / "Procfile"
PORT_OPTIONS: Final = {"web": "--port", "inbound": "--inbound-port", "inbox": "--inbox-port"}


class PortTakenError(PressrunError):
    """Another program answers where one of ours wants to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000, help="of the pages (8000)")
    parser.add_argument("--inbound-port", type=int, default=2525, help="for bounces and mail to unsubscribe (2525)")
    parser.add_argument("--inbox-port", type=int, default=1025, help="of the local inbox, used without a relay (1025)")


def run(args: argparse.Namespace) -> int:
    ports = {"web": args.port, "inbound": args.inbound_port, "inbox": args.inbox_port}
    if _relay_configured():
        del ports["inbox"]
    parts = _parts(ports)
    refuse_taken_ports(ports)
    _export(ports)
    _prepare(inbox="inbox" in ports)
    print(f"Pressrun is starting: {os.environ['PRESSRUN_BASE_URL']}/  Ctrl-C ends everything.", flush=True)
    return run_together(parts, environment=_environment())


def refuse_taken_ports(ports: Mapping[str, int]) -> None:
    """Raises PortTakenError naming the port, whose it would be, and the option that chooses another."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise PortTakenError(
                    f"Port {port} on 127.0.0.1, for {name}, cannot be used ({error.strerror}). Nothing was started. "
                    f"Stop the program that holds it, or choose another with {PORT_OPTIONS[name]}."
                ) from error


def _relay_configured() -> bool:
    return any(os.environ.get(f"PRESSRUN_SMTP_URL{suffix}") for suffix in ("", "_FILE"))


def _parts(ports: Mapping[str, int]) -> list[Part]:
    """What the Procfile names, with its ports; the local inbox only when it is the relay.

    The inbox ends last: cut off before a worker has its answers, it would leave recipients in doubt.
    """
    try:
        commands = read_procfile(PROCFILE.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PressrunError(
            f"{PROCFILE} is missing: `pressrun up` works in a checkout. An installed Pressrun runs as "
            "`pressrun web`, `worker`, `beat` and `inbound`, one process each."
        ) from error
    parts = [Part(name, command) for name, command in commands.items() if name != "inbox" or "inbox" in ports]
    return [
        replace(part, command=(*part.command, *_options(part.name, ports)), last=part.name == "inbox") for part in parts
    ]


def _options(name: str, ports: Mapping[str, int]) -> Iterator[str]:
    if name in ports:
        yield from ("--port", str(ports[name]))
    if name == "inbox":
        yield from ("--returns-port", str(ports["inbound"]))


def _export(ports: Mapping[str, int]) -> None:
    """For this process and its children, before settings are read."""
    os.environ.setdefault("PRESSRUN_BASE_URL", f"http://127.0.0.1:{ports['web']}")
    if "inbox" in ports:
        os.environ["PRESSRUN_SMTP_URL"] = f"smtp://127.0.0.1:{ports['inbox']}?starttls=never"


def _prepare(*, inbox: bool) -> None:
    from pipeline.commands import environment, firstrun

    environment.prepare()
    environment.keep_services()
    firstrun.ensure_superuser()

    from django.db import connections

    from pipeline.models import Marker
    from pipeline.readiness import LOCAL_INBOX

    # For commands in other windows, which do not inherit our PRESSRUN_SMTP_URL.
    local = os.environ.get("PRESSRUN_SMTP_URL", "") if inbox else ""
    Marker.objects.update_or_create(name=LOCAL_INBOX, defaults={"text": local})
    connections.close_all()  # this process only watches from here on


def _environment() -> dict[str, str]:
    """With the `pressrun` beside this Python first on PATH, whether or not the virtual environment is active."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}
