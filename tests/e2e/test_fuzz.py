"""The fuzzer itself, for a few seconds on each target: `make fuzz` goes on for as long as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[1] / "fuzz"
sys.path.append(str(FUZZ))
import targets  # noqa: E402 (a folder of its own: it runs alone too)

SECONDS = 2  # for each

atheris = pytest.importorskip("atheris", reason="there is no atheris for this platform", exc_type=ImportError)


def fuzz(folder, *words):
    command = [sys.executable, FUZZ / "fuzz.py", *words, "--folder", folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_nothing_is_found(tmp_path):
    done = fuzz(tmp_path, str(SECONDS * len(targets.TARGETS)))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert list((tmp_path / "findings").iterdir()) == []
    for name in targets.TARGETS:
        assert any((tmp_path / name).iterdir())
