"""The storm brake: so many dead addresses at one destination of a send at once are more likely a fault there.

What came of it is held until a person decides: no address is suppressed, and nothing more goes there. Whoever is held
by it stays in the books as waiting. All that is done here may be done again: rulings that were made at the same moment
by somebody who did not know of the storm yet are brought into line by the next look.
"""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from pipeline.errors import PressrunError
from pipeline.limits.destinations import GROUPS
from pipeline.models import AuditEvent, Marker, RulingState, Storm, StormState
from pipeline.queries import clock, storms
from pipeline.queries.rulings import LOOK_BACK
from pipeline.queries.sql import execute, rows
from pipeline.transitions.counts import Told, add_counts
from subscribers import transitions as people
from subscribers.models import SuppressionReason

SHARE: Final = 0.10
TIMES_THE_NORM: Final = 5
NORM: Final = 0.02
"""Where nothing is known of a destination: lists that are cared for stay below it, and five times that is SHARE."""
AT_MOST: Final = 0.50
"""However bad a destination has been: when every other address is dead, somebody should look."""
BRAKE: Final = "storm brake"
_MARKER: Final = "storms"
_THERE: Final = "r.send_id = %(send)s AND r.destination = %(destination)s AND r.reason = ANY(%(dead)s)"
_MADE: Final = """(SELECT d.updated_at FROM pipeline_delivery d WHERE d.send_id = r.send_id AND d.id = r.delivery_id)"""
"""When the delivery of a ruling (`r`) was settled."""
# Whom a person has taken off the suppressed by hand meanwhile stays so.
_HELD: Final = f"""
  SELECT r.id, r.suppression_id FROM pipeline_ruling r WHERE {_THERE} AND r.state IN ('applied', 'waiting')
    AND NOT EXISTS (SELECT FROM subscribers_suppression l WHERE l.lifts_id = r.suppression_id)
    AND (%(since)s::timestamptz IS NULL OR {_MADE} {{sign}} %(since)s) ORDER BY r.id FOR UPDATE OF r
"""  # noqa: S608 (ours)
_FROZEN: Final = f"""
  SELECT r.id, r.address_key, CASE r.source WHEN 'mail' THEN 'bounce' ELSE r.source END || ' delivery:' || r.send_id
    || '-' || r.delivery_id FROM pipeline_ruling r WHERE {_THERE} AND r.state = 'frozen' ORDER BY r.id FOR UPDATE OF r
"""  # noqa: S608 (ours)
# Sends are thousands at most: each is asked for an address through its unique index.
_ALIVE: Final = """
  SELECT r.id FROM pipeline_ruling r WHERE r.id = ANY(%(rulings)s) AND EXISTS (
    SELECT FROM pipeline_send s CROSS JOIN LATERAL (
      SELECT FROM pipeline_delivery d WHERE d.send_id = s.id AND d.address_key = r.address_key
        AND greatest(d.clicked_at, d.alive_at, d.unsubscribed_at) > r.made_at OFFSET 0) AS life
    WHERE s.started_at > now() - %(back)s)
"""
_RULED: Final = f"""
  SELECT count(DISTINCT r.delivery_id) FROM pipeline_ruling r WHERE {_THERE} AND r.state IN ('frozen', 'applied')
"""  # noqa: S608 (ours)
# What a person looked at before a pause counts for the brakes no more, and what a storm has taken out is out already.
_SINCE_RESUMED: Final = f"""
  SELECT count(*) FILTER (WHERE {storms.ANSWERED}), count(r.delivery_id)
  FROM pipeline_storm w JOIN pipeline_delivery d ON d.send_id = w.send_id
  LEFT JOIN (SELECT DISTINCT send_id, destination, delivery_id FROM pipeline_ruling WHERE state = 'frozen') AS r
    ON r.send_id = w.send_id AND r.destination = w.destination AND r.delivery_id = d.id
  WHERE w.id = %(storm)s AND split_part(d.address_key, '@', -1) = ANY(%(domains)s) AND d.updated_at > greatest(
    (SELECT c.since FROM pipeline_brakecount c WHERE c.send_id = w.send_id AND c.owner = 'resumed'),
    w.since, '-infinity')
"""  # noqa: S608 (ours)
# A row that is watched because few had answered is left as it is: the next look counts it to the end.
_KEEP_TRIED: Final = f"""
  INSERT INTO pipeline_storm AS w (send_id, destination, people, tried, dead, state)
  SELECT d.send_id, coalesce(known.name, split_part(d.address_key, '@', -1)),
    count(*) FILTER (WHERE d.state <> 'skipped'), count(*) FILTER (WHERE {storms.ANSWERED}), 0, 'calm'
  FROM pipeline_delivery d LEFT JOIN unnest(%(domains)s::text[], %(names)s::text[]) AS known(domain, name)
    ON known.domain = split_part(d.address_key, '@', -1)
  WHERE d.send_id = %(send)s GROUP BY 1, 2
  HAVING count(*) FILTER (WHERE {storms.ANSWERED}) >= %(from)s
  ON CONFLICT (send_id, destination) DO UPDATE SET people = excluded.people, tried = excluded.tried
  WHERE w.state = 'calm' AND w.tried >= %(from)s
"""  # noqa: S608 (ours)


class NoStormError(PressrunError):
    """There is nothing to decide at this destination, or somebody has decided otherwise."""


def look_for_storms(send_id: int | None = None) -> list[Storm]:
    """See where too many addresses are dead, and hold what follows from it. The storms that struck now.

    Of all sends: what was ruled since the last such look. Of one send: everything, for who cannot wait for that.
    """
    now = clock.now()
    marker = None if send_id else Marker.objects.filter(name=_MARKER).first()
    since = marker.at if marker else None
    struck = [storm for found in _by_send(storms.stirred(since, send_id)) for storm in _examine(*found)]
    for storm_id in storms.astir(since, send_id):
        bring_into_line(storm_id)
    if not send_id:
        Marker.objects.update_or_create(name=_MARKER, defaults={"at": now})
    return struck


def limit_of(tried: int, dead: int) -> float:
    """The share of dead addresses above which it is a storm, by what earlier sends found at a destination. Pure."""
    norm = dead / tried if tried >= storms.HISTORY_FROM else NORM
    return min(max(SHARE, TIMES_THE_NORM * norm), AT_MOST)


def bring_into_line(storm_id: int) -> None:
    """Make the rulings of a storm what it is: frozen, applied or discarded. Whoever made them may not have known."""
    with transaction.atomic():
        storm = Storm.objects.select_for_update().get(pk=storm_id)
        _follow(storm)
        if storm.state != StormState.DISCARDED:
            _recount(storm)


def apply_storm(send_id: int, destination: str, *, actor: str, why: str = "") -> int:
    """A person says that these addresses are dead: suppress them all, and go on there. How many.

    Saying it twice changes nothing. Raises NoStormError.
    """
    return _decide(send_id, destination, StormState.APPLIED, actor=actor, why=why)


def discard_storm(send_id: int, destination: str, *, actor: str, why: str = "") -> int:
    """A person says that it was a fault there: forget it all, and go on there. How many addresses stay.

    What is still to come of mail handed over before is forgotten as well. Saying it twice changes nothing. Raises
    NoStormError.
    """
    return _decide(send_id, destination, StormState.DISCARDED, actor=actor, why=why)


def keep_tried(send_id: int) -> None:
    """Keep how many were tried at each destination of a finished send: what later ones are measured by."""
    execute(
        _KEEP_TRIED,
        {"send": send_id, "domains": list(GROUPS), "names": list(GROUPS.values()), "from": storms.TRIED_FROM},
    )


def _by_send(found: list[storms.Found]) -> list[tuple[int, list[storms.Found]]]:
    sends = dict.fromkeys(each.send_id for each in found)
    return [(send_id, [each for each in found if each.send_id == send_id]) for send_id in sends]


def _examine(send_id: int, found: list[storms.Found]) -> list[Storm]:
    """Count again where the dead may be too many by now. Those that struck."""
    known = {each.destination: each for each in Storm.objects.filter(send_id=send_id)}
    suspects = [
        (each, known.get(each.destination) or Storm(send_id=send_id, destination=each.destination)) for each in found
    ]
    suspects = [(each, storm) for each, storm in suspects if _may_strike(storm, each.dead)]
    tried = storms.tried(send_id, [storm for _, storm in suspects]) if suspects else {}
    return [storm for each, _ in suspects if (storm := _judge(each, *tried.get(each.destination, (0, 0))))]


def _may_strike(storm: Storm, dead: int) -> bool:
    """Answers only grow in number, so while the dead are few of those known before, there is nothing to count."""
    if storm.state in (StormState.FROZEN, StormState.APPLIED):
        return False
    too_few_people = 0 < storm.people < storms.TRIED_FROM
    is_anew = storm.since is not None and storm.looked_at <= storm.since
    known = 0.0 if is_anew else storm.tried * (storm.limit or SHARE)
    return not too_few_people and dead > known


def _judge(found: storms.Found, people_there: int, tried: int) -> Storm | None:
    """Write down what was counted, and freeze if it is too much."""
    with transaction.atomic():
        Storm.objects.get_or_create(send_id=found.send_id, destination=found.destination)
        storm = Storm.objects.select_for_update().get(send_id=found.send_id, destination=found.destination)
        if storm.state in (StormState.FROZEN, StormState.APPLIED):
            return None
        storm.people, storm.tried, storm.dead, storm.looked_at = people_there, tried, found.dead, clock.now()
        # Where one was forgotten, a few more are enough to say that what was at fault still is.
        strikes = (tried >= storms.TRIED_FROM or storm.since is not None) and found.dead > SHARE * tried
        if strikes:
            usual = limit_of(*storms.before(found.send_id, found.destination))
            storm.limit = usual if found.dead > usual * tried or not storms.is_after_import(found.send_id) else SHARE
            strikes = found.dead > storm.limit * tried
        if strikes:
            _freeze(storm)
        storm.save()
    return storm if strikes else None


def _freeze(storm: Storm) -> None:
    storm.state, storm.frozen_at = StormState.FROZEN, storm.looked_at
    storm.settled_at, storm.by, storm.why = None, "", ""
    _follow(storm)
    [(tried, dead)] = rows(_SINCE_RESUMED, {"storm": storm.pk, "domains": storms.domains_of(storm.destination)})
    add_counts(storm.send_id, _owner(storm), Told(outcomes=-tried, dead=-dead))
    numbers = {"tried": storm.tried, "dead": storm.dead, "limit": storm.limit}
    _note(storm, "send.storm", BRAKE, **numbers)


def _recount(storm: Storm) -> None:
    """More of it has come back: that is no matter for the brakes of the whole send, unless those began anew since."""
    [(dead,)] = rows(_RULED, _about(storm))
    if dead > storm.dead:
        execute(
            "UPDATE pipeline_brakecount SET dead = dead - %s WHERE send_id = %s AND owner = %s",
            [dead - storm.dead, storm.send_id, _owner(storm)],
        )
        storm.dead = dead
        storm.save(update_fields=["dead"])


def _decide(send_id: int, destination: str, state: StormState, *, actor: str, why: str) -> int:
    with transaction.atomic():
        storm = Storm.objects.select_for_update().filter(send_id=send_id, destination=destination).first()
        if storm is not None and storm.state == state:
            return 0
        if storm is None or storm.state != StormState.FROZEN:
            raise NoStormError(_why_not(send_id, destination, storm))
        _recount(storm)
        now = clock.now()
        storm.state, storm.settled_at, storm.by, storm.why = state, now, actor, why
        storm.since = now if state == StormState.DISCARDED else storm.since
        storm.save()
        changed = _follow(storm)
        _note(storm, f"send.storm-{state}", actor, why=why, addresses=changed)
    return changed


def _why_not(send_id: int, destination: str, storm: Storm | None) -> str:
    if storm is None or storm.state == StormState.CALM:
        return (
            f"At {destination} nothing of send {send_id} waits for a decision. Nothing was changed. "
            "`pressrun storm list` shows what does."
        )
    return (
        f"{storm.by or 'Somebody'} has decided about {destination} of send {send_id} already: "
        f"{storm.get_state_display()}. Nothing was changed."
    )


def _follow(storm: Storm) -> int:
    """Bring the rulings of a locked storm into line. How many were not."""
    if storm.state == StormState.FROZEN:
        why = "So many came back from there at once that a person decides."
        return _take_back(storm, rows(_HELD.format(sign=">"), _about(storm)), RulingState.FROZEN, why)
    frozen = rows(_FROZEN, _about(storm))
    if storm.state == StormState.APPLIED:
        return _believe(storm, frozen)
    late = rows(_HELD.format(sign="<="), _about(storm))
    held = [(pk, None) for pk, _, _ in frozen] + late
    return _take_back(storm, held, RulingState.DISCARDED, storm.why or "It was a fault there.")


def _take_back(storm: Storm, held: Sequence[tuple[int, int | None]], state: RulingState, why: str) -> int:
    """Lift what these rulings (id, suppression) have suppressed, and put them into another state. How many."""
    lifted = [suppression for _, suppression in held if suppression]
    by = storm.by or BRAKE
    people.lift_all(lifted, by=by, note=f"{storm.destination}: {why}", source=_source(storm))
    return execute(
        "UPDATE pipeline_ruling SET state = %s, suppression_id = NULL, due_at = NULL, settled_at = %s, by = %s,"
        " why = %s WHERE id = ANY(%s)",
        [state, storm.settled_at, by, why, [pk for pk, _ in held]],
    )


def _believe(storm: Storm, frozen: Sequence[tuple[int, str, str]]) -> int:
    """Suppress what these frozen rulings say, but for who has shown life since: they stay. How many were suppressed."""
    alive = {pk for (pk,) in rows(_ALIVE, {"rulings": [pk for pk, _, _ in frozen], "back": LOOK_BACK})}
    why = "There has been a sign of life meanwhile."
    _take_back(storm, [(pk, None) for pk in alive], RulingState.DISCARDED, why)
    return _suppress(storm, [each for each in frozen if each[0] not in alive])


def _suppress(storm: Storm, frozen: Sequence[tuple[int, str, str]]) -> int:
    """Suppress what these frozen rulings (id, address, source) say. How many."""
    made = people.suppress_many(
        [key for _, key, _ in frozen],
        [source for _, _, source in frozen],
        reason=SuppressionReason.DEAD_ADDRESS,
        by=storm.by,
    )
    return execute(
        "UPDATE pipeline_ruling r SET state = 'applied', suppression_id = new.suppression, settled_at = %s, by = %s,"
        " why = %s FROM unnest(%s::bigint[], %s::bigint[]) AS new(ruling, suppression) WHERE r.id = new.ruling",
        [storm.settled_at, storm.by, storm.why, [pk for pk, _, _ in frozen], [each.pk for each in made]],
    )


def _about(storm: Storm) -> dict[str, object]:
    dead = [reason.value for reason in storms.DEAD]
    return {"send": storm.send_id, "destination": storm.destination, "dead": dead, "since": storm.since}


def _owner(storm: Storm) -> str:
    """Of the row that takes a storm out of the counts of the send's brakes."""
    return f"storm at {storm.destination}"[:200]


def _source(storm: Storm) -> str:
    return f"storm send:{storm.send_id} {storm.destination}"[:200]


def _note(storm: Storm, action: str, actor: str, **detail: object) -> None:
    AuditEvent.objects.create(
        actor=actor, action=action, subject=f"send:{storm.send_id}", detail={"destination": storm.destination} | detail
    )
