"""When a send goes and what it waits for, in words: its time, its hours, the undo, the first wave, the brakes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from pipeline.delivery.schedule import DAYS, Moment, Window
from pipeline.models import Delivery, DeliveryState, Send, SendState
from pipeline.queries import clock
from pipeline.transitions.freezing import WAVE_AT_LEAST, WAVE_AT_MOST, WAVE_FROM, WAVE_LASTS, WAVE_SHARE

DAY_CHOICES: Final = [(day, WEEKDAYS[number]) for number, day in enumerate(DAYS)]

FIRST_WAVE: Final = (
    "%(n)s people of all mail providers get it first, the test groups before them. After %(minutes)s minutes the "
    "others follow by themselves, unless a brake stops it."
)
BRAKES: Final = (
    "It pauses by itself and tells why when mail servers say that the sender is the problem, when too many "
    "addresses are dead, or when too many readers complain."
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the page of a send says beside its books."""

    undo: str = ""
    """How long it can still be taken back; empty if it cannot."""
    hours: str = ""
    opens_at: datetime | None = None
    """It waits for its hours until then, in their zone."""
    wave: int = 0
    handed: int = 0
    others_at: datetime | None = None
    """The others are due then; None when they are due already."""


def waiting_of(send: Send) -> Waiting:
    """As it stands now, by the database's clock."""
    now = clock.now()
    going = send.state in (SendState.SCHEDULED, SendState.SENDING)
    undo = send.state == SendState.SCHEDULED and send.undo_until and send.undo_until > now
    opens = send.waits_until if going and send.waits_until and send.waits_until > now else None
    waving = send.state in (SendState.SENDING, SendState.PAUSED) and send.wave
    return Waiting(
        undo=length(send.undo_until - now) if undo and send.undo_until else "",
        hours=hours_in_words(Window.parse(send.window)),
        opens_at=opens.astimezone(ZoneInfo(send.zone)) if opens else None,
        wave=send.wave if waving else 0,
        handed=_handed(send) if waving else 0,
        others_at=send.wave_until if waving and send.wave_until and send.wave_until > now else None,
    )


def _handed(send: Send) -> int:
    out = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT)
    return Delivery.objects.filter(send_id=send.pk, id__lte=send.wave).exclude(state__in=out).count()


def length(left: timedelta) -> str:
    """`2 min 40 s`, rounded up, so that it never says nothing while there is time."""
    minutes, seconds = divmod(-(-left // timedelta(seconds=1)), 60)
    parts = []
    if minutes:
        parts.append(_("%(n)s min") % {"n": minutes})
    if seconds or not minutes:
        parts.append(_("%(n)s s") % {"n": seconds})
    return " ".join(parts)


def window_of(days: Sequence[str], begin: time | None, end: time | None) -> Window:
    """The window of what a form says; no days means every day, no hours the whole day."""
    if not days and begin is None and end is None:
        return Window.parse("")
    hours = f"{begin or time():%H:%M}-{f'{end:%H:%M}' if end else '24:00'}"
    return Window.parse(", ".join(f"{day} {hours}" for day in days or DAYS))


def hours_in_words(window: Window) -> str:
    """`Mon, Tue, Wed 08:00–20:00`; days with the same hours stand together."""
    chapters = []
    parts = [part.rsplit(" ", 1) for part in window.text.split(", ") if part]
    for hours, group in groupby(sorted(parts, key=lambda part: part[1]), key=lambda part: part[1]):
        days = ", ".join(_days(part[0]) for part in group)
        chapters.append(f"{days} {hours.replace('-', '–')}")
    return "; ".join(chapters)


def _days(text: str) -> str:
    return "–".join(str(WEEKDAYS_ABBR[DAYS.index(day)]) for day in text.split("-"))


def plan_in_words(chosen: Mapping[str, Any], reached: int) -> Iterator[tuple[str, str]]:
    """What the last page before sending says about time and care: a heading and a sentence each."""
    moment: Moment | None = chosen.get("moment")
    if moment is None:
        yield (
            _("Undo"),
            _("Nobody is written to for three minutes. Until then you can take it back, and nothing is left."),
        )
    elif moment.moved:
        text = _("The clocks skip the time that you chose. It goes out at the next minute that there is: %(time)s.")
        yield _("Change of clocks"), text % {"time": f"{moment.wall:%H:%M}"}
    elif moment.twice:
        yield _("Change of clocks"), _("The clocks show that time twice. It goes out the first time.")
    if chosen["window"]:
        yield (
            _("Hours"),
            _("Only %(hours)s (%(zone)s). Outside of them it waits, also in the middle of sending.")
            % {
                "hours": hours_in_words(chosen["window"]),
                "zone": chosen["zone"],
            },
        )
    if reached >= WAVE_FROM and not chosen["urgent"]:
        number = min(WAVE_AT_MOST, max(WAVE_AT_LEAST, -(-reached // round(1 / WAVE_SHARE))))
        yield _("First wave"), _(FIRST_WAVE) % {"n": f"{number:,}", "minutes": WAVE_LASTS // timedelta(minutes=1)}
    yield _("Brakes"), _(BRAKES)
