"""docs/preflight.md lists every finding there is, every finding is shown by some test, and said in Korean too."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

from test_translations import WRITTEN

from pipeline.content import brand

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
                    args=[
                        ast.Constant(value=str(identity)),
                        ast.Attribute(value=ast.Name(id="Severity"), attr=severity),
                        *_,
                    ],
                ):
                    found[identity] = severity.lower()
    return found


def test_every_finding_is_listed_with_its_severity():
    assert len(said()) > 50
    assert listed() == said()


def test_every_finding_is_shown_by_a_test():
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    assert [identity for identity in said() if f'"{identity}"' not in tests] == []


CONTENT = ROOT / "pipeline" / "content"
SPEAKING = [
    *(CONTENT / "preflight").rglob("*.py"), CONTENT / "parity.py", ROOT / "pipeline" / "linkcheck.py",
    ROOT / "pipeline" / "commands" / "proofing.py", ROOT / "pipeline" / "staff" / "preview.py",
]  # fmt: skip


def patterns() -> Iterator[str]:
    """What findings say, before their values are put in."""
    for path in SPEAKING:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Assign(targets=[ast.Name(id="pattern" | "why")], value=ast.Constant(value=str(said))):
                    yield said
                case ast.Call(func=ast.Name(id=name), args=[_, _, ast.Constant(value=str(said)), *_]) if name in SAYING:
                    yield said
    yield from (setting.rule for setting in brand.SETTINGS.values())
    yield from brand._HARD_TO_READ.values()
    yield brand.problem("nothing", "").pattern


def names(pattern: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name}


def test_every_finding_is_said_in_korean_too():
    all_patterns = {pattern for pattern in patterns() if re.sub(r"\{\w+\}|\W", "", pattern)}
    assert len(all_patterns) > 70
    assert sorted(all_patterns - set(WRITTEN)) == []
    assert [pattern for pattern in all_patterns if names(WRITTEN[pattern]) - names(pattern)] == []
