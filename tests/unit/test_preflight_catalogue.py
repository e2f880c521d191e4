"""docs/preflight.md lists every finding there is, with its severity, and every finding is shown by some test."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAYING = {"block", "warn", "note"}
ROW = re.compile(r"^\| ((?:`[a-z0-9-]+` ?)+) \| (block|warn|note) \|", re.MULTILINE)


def listed() -> dict[str, str]:
    rows = ROW.findall((ROOT / "docs" / "preflight.md").read_text())
    return {identity: severity for ids, severity in rows for identity in re.findall("`([^`]+)`", ids)}


def said() -> dict[str, str]:
    """Every id that the code gives to a finding, with its severity."""
    found = {}
    for path in [*(ROOT / "pipeline").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(identity)), _, *_]) if (
                    name in SAYING
                ):
                    found[identity] = name
                case ast.Call(
                    func=ast.Name(id="Finding"),
                    args=[ast.Constant(value=str(identity)), ast.Attribute(attr=severity), *_],
                ):
                    found[identity] = severity.lower()
    return found


def test_every_finding_is_listed_with_its_severity():
    assert len(said()) > 50
    assert listed() == said()


def test_every_finding_is_shown_by_a_test():
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    assert [identity for identity in said() if f'"{identity}"' not in tests] == []
