"""`python -m pipeline.embedded HOME`: hold the services of a home up and print their URLs, until Ctrl-C.

With `--lock N`, as `launch` starts it: be the keeper.
"""

import argparse
import signal
import sys
from pathlib import Path

from pipeline.embedded import EmbeddedError, attach
from pipeline.embedded.home import Home


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--lock", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.lock is None:
        return hold(arguments.home)
    from pipeline.embedded.keeper import serve

    return serve(Home(arguments.home), arguments.lock)


def hold(home: Path) -> int:
    """Be a user who does nothing."""
    try:
        endpoints = attach(home)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    farewells = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, farewells)
    sys.stdout.write(f"{endpoints.database_url}\n{endpoints.broker_url}\n")
    sys.stdout.flush()
    signal.sigwait(farewells)
    return 0


if __name__ == "__main__":
    sys.exit(main())
