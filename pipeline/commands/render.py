"""`pressrun render FILE`: an issue file as its readers will get it. Touches neither database nor network.

The same file gives the same bytes: the nonce comes from the content, the date from the issue, and the reader's own
links end in `preview`, which opens nothing.
"""

import argparse
import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

from pipeline.commands.check import listed, place_in, told
from pipeline.commands.proofing import compiled, judged, site_of
from pipeline.content import headers, message, preflight
from pipeline.content.issuefile import IssueFile
from pipeline.content.pictures import Prepared
from pipeline.content.types import Compilation, ContentError, Finding
from pipeline.issuefolder import IssueFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the issue file (Markdown with front matter)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: ./NAME-proof)")
    parser.add_argument(
        "--as", dest="reader", type=_address, default="reader@example.org", metavar="EMAIL", help="for which reader"
    )


def run(args: argparse.Namespace) -> int:
    folder = IssueFolder(args.file)
    issue, tried = folder.issue, folder.tried()
    compilation = compiled(folder, tried)
    out = args.out or Path(f"{args.file.stem}-proof")
    findings = judged(compilation, issue, tried)
    report = _report(compilation, issue, findings)
    _write(out, compilation, report=report, values=_values(compilation, issue, reader=args.reader))
    _write_pictures(out / "media" / "pictures", tried.prepared.values())
    if args.json:
        print(json.dumps({"out": str(out), **report}, ensure_ascii=False))
    else:
        print(f"{out}: message.html, message.txt, message.eml, proof.json{', media/pictures' * bool(tried.prepared)}")
        print(told(findings, lambda finding: place_in(finding, issue, args.file)))
    return 1 if report["blocked"] else 0


def _address(text: str) -> str:
    if not headers.is_address(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an e-mail address")
    return text


def _values(compilation: Compilation, issue: IssueFile, *, reader: str) -> Mapping[str, str]:
    midnight = dt.datetime.combine(issue.document.date, dt.time(), dt.UTC)
    return {
        "to": headers.address("", reader),
        "date": headers.date(midnight),
        "message_id": f"<preview.{compilation.proof.hash[:16]}@{site_of(issue).message_id_domain}>",
        "token.unsubscribe": "preview",
        "token.view": "preview",
        "token.id": "preview",
        "email": reader,
        "language": issue.document.language,
    }


def _report(compilation: Compilation, issue: IssueFile, findings: tuple[Finding, ...]) -> dict[str, object]:
    proof = compilation.proof
    return {
        "hash": proof.hash,
        "language": proof.language,
        "subject": proof.subject,
        "layout": proof.layout,
        "html_size": proof.html_size,
        "encoded_size": proof.encoded_size,
        "slots": sorted({slot.name for slot in proof.slots}),
        "links": [asdict(link) for link in proof.links],
        "blocked": preflight.blocked(findings),
        "findings": listed(findings, issue),
    }


def _write(out: Path, compilation: Compilation, *, report: dict[str, object], values: Mapping[str, str]) -> None:
    html, text = message.message_parts(compilation.proof, values)
    files = {
        "message.html": html.encode(),
        "message.txt": text.encode(),
        "message.eml": message.fill(compilation.proof, values),
        "proof.json": json.dumps(report, ensure_ascii=False, indent=2).encode() + b"\n",
    }
    with _writing(out):
        for name, content in files.items():
            (out / name).write_bytes(content)


def _write_pictures(out: Path, made: Collection[Prepared]) -> None:
    with _writing(out) if made else nullcontext():
        for each in made:
            (out / each.name).write_bytes(each.content)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ContentError(f"{error.strerror}; choose another folder with --out", source=str(out)) from error
