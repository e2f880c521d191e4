"""How long an issue takes to become a proof, warm. The reference is one message by the standard library."""

from bench import sample
from bench.rounds import compare, seconds

TIMES = 5


def run(*, rounds: int, recipients: int) -> dict[str, object]:  # noqa: ARG001 (one signature for all)
    made = sample.compiled()
    ours, reference = [], []
    for _ in range(rounds):
        ours.append(TIMES / seconds(lambda: [sample.compiled() for _ in range(TIMES)]))
        reference.append(
            TIMES / seconds(lambda: [sample.by_the_standard_library(made.html, made.text) for _ in range(TIMES)])
        )
    found = compare(ours, reference)
    return {**found, "milliseconds": round(1000 / found["rate"], 2), "html_bytes": made.proof.html_size}
