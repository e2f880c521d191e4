"""Serve the pages."""

import argparse
import os
import socket
from typing import Any, Final

from pipeline.errors import PressrunError

PROCESSES: Final = 2
THREADS: Final = 4
SECONDS_TO_END: Final = 10
"""How long requests under way may take when the server is asked to end."""


class PortInUseError(PressrunError):
    """The address cannot be listened on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0 takes a free one)")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    listener = listen(args.host, args.port)
    environment.prepare()
    environment.keep_services()
    serve(listener)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortInUseError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, OverflowError) as error:
        raise PortInUseError(
            f"Cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}. Nothing was started. "
            "Choose another with --port, or end what listens there."
        ) from error
    listener.listen()
    return listener


def serve(listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; ends by SystemExit, like gunicorn."""
    from django.db import connections
    from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

    class Pages(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
        def load_config(self) -> None:
            for name, value in _options(listener).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from pipeline.wsgi import application

            return application

    connections.close_all()  # a connection must not be shared with the processes forked from here
    Pages().run()


def _options(listener: socket.socket) -> dict[str, Any]:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host

    def ready(_server: object) -> None:
        print(f"Pages on http://{shown}:{port}/ (process {os.getpid()})", flush=True)

    return {
        "bind": f"fd://{listener.fileno()}",
        "proc_name": "pressrun web",
        "workers": PROCESSES,
        "worker_class": "gthread",
        "threads": THREADS,
        "graceful_timeout": SECONDS_TO_END,
        "loglevel": "warning",
        "accesslog": None,  # paths hold tokens, query strings hold addresses
        "control_socket_disable": True,
        "when_ready": ready,
    }
