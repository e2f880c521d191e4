"""How a check says what it found: `block` must be mended, `warn` is for the editor to decide, `note` is good to know.

The ids are listed in docs/preflight.md. A message is a pattern with values, so that it can be said in other languages.
"""

from pipeline.content.types import Finding, Severity


def block(identity: str, place: str, pattern: str, **values: object) -> Finding:
    return _finding(identity, Severity.BLOCK, place, pattern, values)


def warn(identity: str, place: str, pattern: str, **values: object) -> Finding:
    return _finding(identity, Severity.WARN, place, pattern, values)


def note(identity: str, place: str, pattern: str, **values: object) -> Finding:
    return _finding(identity, Severity.NOTE, place, pattern, values)


def _finding(identity: str, severity: Severity, place: str, pattern: str, values: dict[str, object]) -> Finding:
    said = {name: str(value) for name, value in values.items()}
    return Finding(identity, severity, place, pattern.format(**said), pattern, tuple(said.items()))
