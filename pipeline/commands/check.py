"""`pressrun check FILE`: what stands against sending an issue file. Touches neither database nor network."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.content import preflight
from pipeline.content.issuefile import IssueFile, parse
from pipeline.content.types import ContentError, Finding, Severity

_SAID = {Severity.BLOCK: "must be mended", Severity.WARN: "warning", Severity.NOTE: "note"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the issue file (Markdown with front matter)")


def run(args: argparse.Namespace) -> int:
    issue = read_issue(args.file)
    findings = (*preflight.check(issue.document, issue.newsletter), *unknown_newsletter(issue))
    blocked = preflight.blocked(findings)
    if args.json:
        print(
            json.dumps({"file": str(args.file), "blocked": blocked, "findings": listed(findings)}, ensure_ascii=False)
        )
    else:
        print(table(findings) or "Nothing stands against sending it.")
    return 1 if blocked else 0


def read_issue(path: Path) -> IssueFile:
    """Read an issue file; raises ContentError when it cannot be read or is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(f"the file cannot be read: {error.strerror}", source=str(path)) from error
    except UnicodeDecodeError as error:
        raise ContentError("the file is not UTF-8; save it as UTF-8", source=str(path)) from error
    return parse(text, source=str(path))


def unknown_newsletter(issue: IssueFile) -> tuple[Finding, ...]:
    """A note when the file names its newsletter by slug alone: what the database knows of it is not looked at here."""
    if issue.newsletter is not None:
        return ()
    message = f"only the slug {issue.document.newsletter!r} is known here, so sender and postal address go unchecked"
    return (Finding("newsletter", Severity.NOTE, "newsletter", message),)


def listed(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [asdict(finding) for finding in findings]


def table(findings: Sequence[Finding]) -> str:
    """One line for each finding: how grave, where, what."""
    place = max((len(finding.place) for finding in findings), default=0)
    return "\n".join(
        f"{_SAID[finding.severity]:<14}  {finding.place:<{place}}  {finding.message}" for finding in findings
    )
