"""`pressrun render FILE`: an issue file as its readers will get it. Touches neither database nor network.

The same file gives the same bytes: the nonce comes from the content, the date from the issue, and the reader's own
links end in `preview`, which opens nothing.
"""

import argparse
import datetime as dt
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.commands.check import listed, read_issue, table, unknown_newsletter
from pipeline.commands.layout import own_layouts
from pipeline.content import compile as chain
from pipeline.content import headers, message, preflight
from pipeline.content.issuefile import IssueFile
from pipeline.content.types import Compilation, ContentError, Finding, NewsletterProfile, Site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the issue file (Markdown with front matter)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: ./NAME-proof)")
    parser.add_argument(
        "--as", dest="reader", type=_address, default="reader@example.org", metavar="EMAIL", help="for which reader"
    )


def run(args: argparse.Namespace) -> int:
    issue = read_issue(args.file)
    newsletter = issue.newsletter or _stand_in(issue.document.newsletter)
    site = _site(newsletter)
    nonce = sha256(repr((issue, site)).encode()).hexdigest()[:16]
    compilation = chain.compile_issue(issue.document, newsletter, site, nonce=nonce, layouts=own_layouts())
    out = args.out or Path(f"{args.file.stem}-proof")
    report = _report(compilation, issue)
    _write(out, compilation, report=report, values=_values(compilation, issue, reader=args.reader, site=site))
    if args.json:
        print(json.dumps({"out": str(out), **report}, ensure_ascii=False))
    else:
        print(f"{out}: message.html, message.txt, message.eml, proof.json")
        print(table(_findings(compilation, issue)) or "Nothing stands against sending it.")
    return 1 if report["blocked"] else 0


def _address(text: str) -> str:
    if not headers.is_address(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an e-mail address")
    return text


def _stand_in(slug: str) -> NewsletterProfile:
    """For a newsletter that only the database knows: enough to see the page."""
    return NewsletterProfile(slug, slug, slug, "newsletter@example.org", postal_address="(postal address)")


def _site(newsletter: NewsletterProfile) -> Site:
    base_url = os.environ.get("PRESSRUN_BASE_URL") or "http://127.0.0.1:8000"
    bounce_domain = os.environ.get("PRESSRUN_BOUNCE_DOMAIN") or "bounces.localhost"
    sender_domain = newsletter.sender_address.rpartition("@")[2]
    return Site(base_url.rstrip("/"), bounce_domain, sender_domain or urlsplit(base_url).hostname or "localhost")


def _values(compilation: Compilation, issue: IssueFile, *, reader: str, site: Site) -> Mapping[str, str]:
    midnight = dt.datetime.combine(issue.document.date, dt.time(), dt.UTC)
    return {
        "to": headers.address("", reader),
        "date": headers.date(midnight),
        "message_id": f"<preview.{compilation.proof.hash[:16]}@{site.message_id_domain}>",
        "token.unsubscribe": "preview",
        "token.view": "preview",
        "token.id": "preview",
        "email": reader,
        "language": issue.document.language,
    }


def _findings(compilation: Compilation, issue: IssueFile) -> tuple[Finding, ...]:
    return (*compilation.findings, *unknown_newsletter(issue))


def _report(compilation: Compilation, issue: IssueFile) -> dict[str, object]:
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
        "blocked": preflight.blocked(compilation.findings),
        "findings": listed(_findings(compilation, issue)),
    }


def _write(out: Path, compilation: Compilation, *, report: dict[str, object], values: Mapping[str, str]) -> None:
    html, text = message.message_parts(compilation.proof, values)
    files = {
        "message.html": html.encode(),
        "message.txt": text.encode(),
        "message.eml": message.fill(compilation.proof, values),
        "proof.json": json.dumps(report, ensure_ascii=False, indent=2).encode() + b"\n",
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (out / name).write_bytes(content)
    except OSError as error:
        raise ContentError(f"{error.strerror}; choose another folder with --out", source=str(out)) from error
