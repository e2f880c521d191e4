"""The house rules that no linter knows, and proof that each import contract bites."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSES = ("pipeline", "subscribers")
LINES_AT_MOST = 400
STATE_KEEPERS = {"transitions", "queries", "migrations"}
UNWANTED_WORDS = {"data", "manager", "utils", "helpers", "campaign"}
STATE_IN_SQL = re.compile(
    r"\bUPDATE\b.*\bSET\b((?!\b(WHERE|FROM|RETURNING)\b)[^;])*?\bstate\s*=", re.IGNORECASE | re.DOTALL
)


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(p for p in (ROOT / folder).rglob("*.py") if "migrations" not in p.relative_to(ROOT).parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# -- size and names


def test_no_module_is_longer_than_a_person_can_hold():
    everything = modules(*HOUSES, "bench", "docs", "templates", "tests")
    lengths = {named(path): len(path.read_text().splitlines()) for path in everything}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_AT_MOST} == {}


def test_file_names_say_what_is_inside():
    everything = [
        path for folder in (*HOUSES, "bench", "docs", "templates", "tests") for path in (ROOT / folder).rglob("*")
    ]
    ours = [path for path in everything if "__pycache__" not in path.parts]
    assert [named(path) for path in ours if UNWANTED_WORDS & set(re.split(r"[\W_]+", path.stem.lower()))] == []


# -- states change in one place


def state_changes(source: str) -> list[int]:
    """Lines that give a row a new state: by attribute, by setattr, by a bulk update, or in SQL."""
    return sorted({node.lineno for node in ast.walk(ast.parse(source)) if changes_state(node)})


def changes_state(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets):
            return any(is_state(target) for target in targets)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return is_state(target)
        case ast.Call(func=ast.Attribute(attr="update"), keywords=keywords):
            return any(keyword.arg == "state" for keyword in keywords)
        case ast.Call(func=ast.Attribute(attr="bulk_update")) | ast.Call(func=ast.Name(id="setattr")):
            return any(holds_state(argument) for argument in node.args)
        case ast.Constant(value=str()) | ast.JoinedStr():
            return STATE_IN_SQL.search(written_text(node)) is not None
    return False


def written_text(node: ast.AST) -> str:
    """The text of a string, with a word in place of each `{value}`."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "value" for part in parts)


def is_state(target: ast.AST) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == "state"


def holds_state(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Constant) and part.value == "state" for part in ast.walk(node))


def test_only_transitions_and_queries_change_a_state():
    elsewhere = [p for p in modules(*HOUSES) if not STATE_KEEPERS & {p.stem, *p.relative_to(ROOT).parts}]
    found = {named(p): lines for p in elsewhere if (lines := state_changes(p.read_text()))}
    assert found == {}, "move these into pipeline/transitions or subscribers/transitions"


@pytest.mark.parametrize(
    "line",
    [
        "send.state = 'paused'",
        "self.send.state: str = 'paused'",
        "Send.objects.filter(id=1).update(state='paused', reason='')",
        "Send.objects.bulk_update(sends, ['state', 'reason'])",
        "setattr(send, 'state', 'paused')",
        'cursor.execute("""UPDATE pipeline_send\n SET reason = %s, state = %s WHERE id = %s""")',
        "cursor.execute(f'update {table} set state = %s')",
    ],
)
def test_a_change_of_state_is_seen_in_every_dress(line):
    assert state_changes(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "if send.state == 'paused': pass",
        "Send.objects.filter(state='paused').update(reason='')",
        "cursor.execute('SELECT state FROM pipeline_send WHERE state = %s')",
        "cursor.execute('UPDATE pipeline_delivery SET attempts = 1 WHERE id = %s AND state = %s')",
    ],
)
def test_reading_a_state_is_free(line):
    assert state_changes(line) == []


# -- import contracts

# For each contract: imports that it forbids, as (module that breaks it, the line that does).
BREACHES = {
    "layers": [
        ("pipeline.content.breach", "import pipeline.delivery"),
        ("pipeline.delivery.breach", "import pipeline.staff"),
        ("pipeline.delivery.breach", "import pipeline.feedback"),
        ("pipeline.feedback.breach", "import pipeline.delivery"),
        ("pipeline.staff.breach", "import pipeline.public"),
        ("pipeline.public.breach", "import pipeline.staff"),
        ("pipeline.models.breach", "import pipeline.commands"),
        ("subscribers.breach", "import pipeline.replies"),
    ],
    "subscribers": [("subscribers.breach", "import pipeline.content.types")],
    "pure": [
        ("pipeline.content.breach", "import django.conf"),
        ("pipeline.replies.breach", "import socket"),
        ("pipeline.tokens", "import redis"),
        ("pipeline.delivery.dkim", "import psycopg"),
        ("pipeline.delivery.outcome", "import celery"),
        ("pipeline.delivery.retry", "import django.utils.timezone"),
        ("pipeline.delivery.schedule", "import django.utils.timezone"),
        ("pipeline.feedback.mime", "import kombu"),
        ("pipeline.feedback.dsn", "import django.db"),
        ("pipeline.feedback.arf", "import wagtail"),
        ("pipeline.feedback.text", "import django"),
        ("pipeline.feedback.understand", "import redis"),
        ("subscribers.addresses", "import django.core.validators"),
        ("subscribers.csvfile", "import socket"),
        ("subscribers.segments", "import django.db.models"),
    ],
    "smtp": [("pipeline.commands.breach", "import pipeline.delivery.smtp")],
    "celery": [
        ("pipeline.delivery.breach", "import celery"),
        ("subscribers.breach", "import kombu.exceptions"),
    ],
    "outside": [
        ("pipeline.delivery.breach", "import pipeline.settings"),
        ("pipeline.staff.breach", "import pipeline.embedded"),
        ("pipeline.feedback.breach", "import pipeline.celery"),
    ],
}


def contract_names() -> dict[str, str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {contract["id"]: contract["name"] for contract in contracts}


def module_file(tree: Path, module: str) -> Path:
    path = tree.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.fixture
def copied_tree(tmp_path):
    for house in HOUSES:
        shutil.copytree(ROOT / house, tmp_path / house, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def add_import(tree: Path, module: str, line: str) -> None:
    """Only a module that exists counts as ours, so the imported one is made too."""
    for path in (module_file(tree, module), module_file(tree, line.removeprefix("import "))):
        if path.parent.is_dir() and path.parent != tree:
            path.touch()
    with module_file(tree, module).open("a") as file:
        file.write(f"\n{line}\n")


def lint_imports(tree: Path, contract: str) -> str:
    command = [
        Path(sys.executable).with_name("lint-imports"),
        "--no-logo",
        "--no-cache",
        "--contract",
        contract,
    ]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("contract", contract_names())
def test_each_import_contract_bites(copied_tree, contract):
    for module, line in BREACHES[contract]:
        add_import(copied_tree, module, line)
    verdict = lint_imports(copied_tree, contract)
    assert f"{contract_names()[contract]} BROKEN" in " ".join(verdict.split())
    unseen = [(module, line) for module, line in BREACHES[contract] if not reported(verdict, module, line)]
    assert unseen == [], verdict


def reported(verdict: str, module: str, line: str) -> bool:
    """External packages are reported by their top name."""
    imported = line.removeprefix("import ")
    shown = imported if imported.startswith(HOUSES) else imported.partition(".")[0]
    return f"{module} -> {shown} " in verdict


def test_what_calls_itself_pure_is_held_to_it():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [held] = [contract["source_modules"] for contract in contracts if contract["id"] == "pure"]
    claimed = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules(*HOUSES) if calls_itself_pure(path)
    ]
    assert len(claimed) > 5
    assert [name for name in claimed if not any(f"{name}.".startswith(f"{module}.") for module in held)] == []


def calls_itself_pure(path: Path) -> bool:
    summary = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n\n")[0]
    return re.search(r"\bPure[.:,]", summary) is not None
