"""A real Postfix in a folder of its own: takes mail on a free port and passes all of it on to a relay."""

import logging
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

logger = logging.getLogger(__name__)
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/lib
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_host_lookup = native
relayhost = [127.0.0.1]:{relay}
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def require(program: str, package: str) -> str:
    """Where a program of a Debian package is; skips with that reason, or fails where every service is required."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        assert os.environ.get("PRESSRUN_REQUIRE_SERVICES") != "1", f"Debian's {package} is not installed"
        pytest.skip(f"needs {program} of Debian's {package}")
    return found


class Postfix:
    """For `with`. `more` are lines for main.cf."""

    def __init__(self, relay_port: int, *, more: Sequence[str] = ()) -> None:
        self._program = [*([] if os.geteuid() == 0 else ["sudo", "-n"]), require("postfix", "postfix")]
        self.folder = Path(tempfile.mkdtemp(prefix="pressrun-postfix-"))
        self.folder.chmod(0o755)  # its processes run under another user
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        (self.folder / "queue").mkdir()
        (self.folder / "main.cf").write_text(MAIN.format(folder=self.folder, relay=relay_port) + "\n".join(more))
        (self.folder / "master.cf").write_text(MASTER.format(port=self.port))

    def __enter__(self) -> Self:
        done = self._run("start")
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, f"Postfix did not start: {done.stdout}{done.stderr}{self.log()}"
                time.sleep(0.02)
            else:
                return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            logger.error("what Postfix has logged:\n%s", self.log())  # its folder is gone when somebody asks
        self._run("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _run(self, act: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._program, "-c", str(self.folder), act], capture_output=True, text=True, timeout=60, check=False
        )
