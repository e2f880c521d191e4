"""`pressrun check FILE`: what stands against sending an issue file. Touches no database, and the network when asked."""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.commands.proofing import findings_of
from pipeline.content import preflight
from pipeline.content.issuefile import IssueFile
from pipeline.content.preflight.places import where
from pipeline.content.types import ContentError, Finding, Severity
from pipeline.issuefolder import IssueFolder

_SAID: Final = {Severity.BLOCK: "Must be mended", Severity.WARN: "Please look", Severity.NOTE: "Good to know"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the issue file (Markdown with front matter)")
    parser.add_argument("--links", action="store_true", help="ask every link and picture whether it answers")


def run(args: argparse.Namespace) -> int:
    folder = IssueFolder(args.file)
    issue = folder.issue
    findings = (*findings_of(folder), *(_links(issue) if args.links else ()))
    blocked = preflight.blocked(findings)
    if args.json:
        document = {"file": str(args.file), "blocked": blocked, "findings": listed(findings, issue)}
        print(json.dumps(document, ensure_ascii=False))
    else:
        print(told(findings, lambda finding: place_in(finding, issue, args.file)))
    return 1 if blocked else 0


def listed(findings: Sequence[Finding], issue: IssueFile) -> list[dict[str, object]]:
    """The findings for programs; line and column are 0 for what is not in the file."""
    return [
        {"id": each.id, "severity": each.severity, "place": each.place, "line": line, "column": column}
        | {"message": each.message}
        for each in findings
        for line, column in [issue.found(each) or (0, 0)]
    ]


def told(findings: Sequence[Finding], place: Callable[[Finding], str] = lambda finding: finding.place) -> str:
    """The findings for people, the gravest first; of a finding, where it is and then what."""
    return "\n".join(_chapters(findings, place)) or "Nothing stands against sending it."


def place_in(finding: Finding, issue: IssueFile, path: Path) -> str:
    """`issue.md:32:1 Policy › A bridge opens › Picture “The bridge at noon”`."""
    name, position = str(where(issue.document, finding.place)), issue.found(finding)
    return f"{path}:{position.line}:{position.column} {name}" if position else name


def _chapters(findings: Sequence[Finding], place: Callable[[Finding], str]) -> Iterator[str]:
    for severity, name in _SAID.items():
        if those := [finding for finding in findings if finding.severity is severity]:
            yield f"{name} ({len(those)})"
            yield from (f"  {place(finding)}\n      {finding.message}" for finding in those)


def _links(issue: IssueFile) -> tuple[Finding, ...]:
    if os.environ.get("PRESSRUN_LINK_CHECK", "1").lower() in {"0", "false", "no"}:
        raise ContentError("PRESSRUN_LINK_CHECK=0 forbids to ask addresses; leave out --links, or set it to 1")
    from pipeline.linkcheck import check_links  # brings TLS and DNS, which no other check needs

    return check_links(issue.document)
