"""A disk of some megabytes that a test may fill up."""

import errno
import subprocess
from pathlib import Path
from typing import Self

import pytest


class SmallDisk:
    """For `with`. Where this machine lets nobody mount one, the test is skipped and says so."""

    def __init__(self, place: Path, *, megabytes: int) -> None:
        self.place, self._megabytes = place, megabytes
        self._ballast = place / "ballast"

    def __enter__(self) -> Self:
        self.place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self._megabytes}m,mode=700", "tmpfs", str(self.place)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no small disk can be mounted here, which takes root: {done.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)

    def fill(self) -> None:
        """To the last byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def relieve(self) -> None:
        """Somebody has made room."""
        self._ballast.unlink()
