"""Messages per second from a proof, one join each, beside the standard library building the same message."""

from bench import sample
from bench.rounds import compare, seconds
from pipeline.content.message import fill

OURS, THEIRS = 5_000, 20


def run(*, rounds: int, recipients: int) -> dict[str, object]:  # noqa: ARG001 (one signature for all)
    made = sample.compiled()
    size = len(fill(made.proof, sample.VALUES))
    ours, reference = [], []
    for _ in range(rounds):
        ours.append(OURS / seconds(lambda: [fill(made.proof, sample.VALUES) for _ in range(OURS)]))
        reference.append(
            THEIRS / seconds(lambda: [sample.by_the_standard_library(made.html, made.text) for _ in range(THEIRS)])
        )
    found = compare(ours, reference, digits=0)
    return {**found, "microseconds": round(1e6 / found["rate"], 1), "message_bytes": size}
