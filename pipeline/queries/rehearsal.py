"""Whom a rehearsal plays for: the people that a send would reach now, with what is known of each."""

from collections.abc import Iterator

from pipeline.queries.audience import Audience
from pipeline.queries.sql import stream


def readers(audience: Audience) -> Iterator[tuple[str, int, str, str, str, str]]:
    """Edition, subscriber's id, e-mail address, first name, last name, language; as many as `reach_of` counts."""
    statement = (
        "SELECT a.language, p.id, p.email, p.first_name, p.last_name, p.language"  # noqa: S608 (ours)
        f" FROM ({audience.sql}) AS a JOIN subscribers_subscriber p ON p.id = a.subscriber_id WHERE a.left_out IS NULL"
    )
    yield from stream(statement, audience.parameters(), hold=True)
