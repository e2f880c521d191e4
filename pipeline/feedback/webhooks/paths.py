"""Finds values in an event: `msys.*.rcpt_meta.pressrun-id`. Pure.

Steps are names, without regard to case; `*` is any. A list is looked through. `@Name` picks, from a list of headers
as most providers write them (`[{"name": …, "value": …}]`), the value of that header.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def values(event: object, path: str) -> list[str]:
    """The texts and numbers at a path, as text; empty where there are none."""
    found: list[object] = [event]
    for step in path.split("."):
        found = [inner for each in found for inner in _inner(each, step)]
    flat = [inner for each in found for inner in (each if isinstance(each, list) else [each])]
    return [str(each) for each in flat if isinstance(each, str | int | float) and str(each)]


def first(event: object, *paths: str) -> str:
    """The first value at any of the paths, or nothing."""
    return next((value for path in paths for value in values(event, path)), "")


def _inner(node: object, step: str) -> Iterator[object]:
    if isinstance(node, list):
        for each in node:
            yield from _inner(each, step)
    elif isinstance(node, Mapping):
        if step.startswith("@"):
            yield from _header(node, step[1:].lower())
        else:
            yield from (
                inner for name, inner in node.items() if step in {"*", name} or str(name).lower() == step.lower()
            )


def _header(node: Mapping[str, Any], wanted: str) -> Iterator[object]:
    fields = {str(name).lower(): value for name, value in node.items()}
    if "value" in fields and str(fields.get("name", "")).lower() == wanted:
        yield fields["value"]
    elif wanted in fields:
        yield fields[wanted]
