"""Whom a send would reach with which edition, and whom it would leave out, in words for people. Reads only."""

from collections.abc import Iterator
from typing import Final

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from wagtail.models import Locale

from pipeline.models import DeliveryState
from pipeline.queries import NO_EDITION, Edition, Reach
from pipeline.staff.books import Chapter, Line, reason_label

_WHY: Final = {
    "asked": _("in their language"),
    "fallback": _("there is none in their language"),
    "unknown": _("their language is not known"),
}
LANGUAGES_AT_MOST: Final = 10
"""So many languages without an edition are named; the rest is one line."""


def chapters_of(reach: Reach) -> list[Chapter]:
    """One chapter for each edition and one for those left out; their numbers add up to the audience."""
    chapters = [_chapter(edition) for edition in reach.editions]
    lines = tuple(_left_out(reach))
    if lines:
        n = sum(line.n for line in lines)
        chapters.append(Chapter(DeliveryState.SKIPPED, DeliveryState.SKIPPED.label, n, lines, open=False))
    return chapters


def language_label(tag: str) -> str:
    """`English (en)`; the tag alone when nobody knows its name."""
    name = Locale(language_code=tag).get_display_name()
    return tag if name == tag else f"{name} ({tag})"


def _chapter(edition: Edition) -> Chapter:
    found = [Line(why, label, getattr(edition, why)) for why, label in _WHY.items()]
    lines = tuple(line for line in found if line.n) or (Line("nobody", _("nobody"), 0),)
    return Chapter(edition.language, language_label(edition.language), edition.n, lines, open=False)


def _left_out(reach: Reach) -> Iterator[Line]:
    for reason, n in reach.left_out.items():
        if reason == NO_EDITION:
            yield from _missing(reach)
        else:
            yield Line(reason, reason_label(reason), n)


def _missing(reach: Reach) -> Iterator[Line]:
    languages = list(reach.missing.items())
    for language, n in languages[:LANGUAGES_AT_MOST]:
        yield Line(NO_EDITION, _no_edition(language), n)
    others = sum(n for _language, n in languages[LANGUAGES_AT_MOST:])
    if others:
        yield Line(NO_EDITION, format_lazy("{}: {}", reason_label(NO_EDITION), _("other languages")), others)


def _no_edition(language: str) -> str | Promise:
    if not language:
        return _WHY["unknown"]
    return format_lazy("{}: {}", reason_label(NO_EDITION), language_label(language))
