"""`pressrun doctor --probe` mails a seed, `--returned` reads what a mailbox made of it."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from django.conf import settings

from pipeline.commands import output
from pipeline.commands.doctor.senders import sender_host, signing_of, transports_of
from pipeline.delivery.probe import note_copy, probed, send_probe
from pipeline.domains.finding import Finding
from pipeline.domains.returned import ReturnedError, judge_copy, read_copy
from pipeline.errors import PressrunError
from pipeline.models import Newsletter

SIZE_AT_MOST: Final = 10_000_000


class SeedError(PressrunError):
    """No seed can be sent as asked. Nothing was sent."""


def send(address: str, slug: str, *, as_json: bool) -> int:
    """One seed through each relay of the newsletter; exit status 1 unless every relay took it."""
    newsletter = _newsletter(slug)
    answers = [
        (transport.name, send_probe(newsletter, transport, address, actor=output.actor()))
        for transport in transports_of([newsletter])
    ]
    if as_json:
        output.emit({"seeds": [{"relay": name, **asdict(answer)} for name, answer in answers]})
    else:
        for name, answer in answers:
            print(f"{answer.email} through {name}: {answer.verdict}. {answer.reply}")
        print("When it has arrived, save its source and run `pressrun doctor --returned FILE`.")
    return 0 if all(answer.verdict == "accepted" for _, answer in answers) else 1


def read(name: str) -> Sequence[Finding]:
    """What the mailbox said, kept for the next doctor. Raises ReturnedError."""
    copy = read_copy(_source(name))
    newsletter, transport = probed(copy.probe)
    host = sender_host(newsletter)
    ours = [(key.domain, key.selector) for key in signing_of(host)]
    found = list(judge_copy(copy, domain=host, bounce_domain=settings.BOUNCE_DOMAIN, ours=ours))
    note_copy(host, copy, found, transport=transport, actor=output.actor())
    return found


def _newsletter(slug: str) -> Newsletter:
    known = {newsletter.slug: newsletter for newsletter in Newsletter.objects.order_by("slug")}
    if slug in known:
        return known[slug]
    if len(known) == 1 and not slug:
        return next(iter(known.values()))
    which = f"There is no newsletter {slug!r}" if slug else "Name one with --newsletter"
    raise SeedError(f"{which}: {', '.join(known) or 'none yet'}. Nothing was sent.")


def _source(name: str) -> bytes:
    try:
        raw = sys.stdin.buffer.read(SIZE_AT_MOST + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ReturnedError(f"{name} cannot be read ({error.strerror}).") from error
    if len(raw) > SIZE_AT_MOST:
        raise ReturnedError(f"{name} is longer than {SIZE_AT_MOST:,} octets, so it is no seed mail.")
    return raw
