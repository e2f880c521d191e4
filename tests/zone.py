"""DNS for tests: a zone in place of the resolver."""

from collections.abc import Mapping

from pipeline.domains.lookup import LookupFailedError

SILENT = "(silent)"
"""In place of answers: DNS does not say."""


class Zone:
    """`{"TXT example.org": ("v=spf1 -all",), …}`; counts what is asked."""

    def __init__(self, records: Mapping[str, tuple[str, ...] | str]) -> None:
        self.records = dict(records)
        self.asked: list[str] = []

    def __call__(self, name: str, kind: str) -> tuple[str, ...]:
        question = f"{kind} {name}"
        self.asked.append(question)
        answer = self.records.get(question, ())
        if answer == SILENT:
            raise LookupFailedError(f"{kind} of {name} could not be looked up (Timeout)")
        return (answer,) if isinstance(answer, str) else answer
