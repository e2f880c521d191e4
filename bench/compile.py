"""How long an issue takes to become a proof, warm. The reference is one message by the standard library.

Reading the issue file comes before and is told apart: the editor's form and a send begin with the document.
"""

from statistics import median

from bench import sample
from bench.options import Options
from bench.rounds import compare, seconds
from pipeline.content.compile import compile_issue

TIMES = 5


def run(options: Options) -> dict[str, object]:
    made, document = sample.compiled(), sample.parsed()
    ours, reference, reading = [], [], []
    for _ in range(options.rounds):
        ours.append(
            TIMES
            / seconds(lambda: [compile_issue(*document, sample.SITE, nonce="benchmarknonce") for _ in range(TIMES)])
        )
        reading.append(1000 * seconds(sample.parsed))
        reference.append(
            TIMES / seconds(lambda: [sample.by_the_standard_library(made.html, made.text) for _ in range(TIMES)])
        )
    found = compare(ours, reference)
    return {
        **found,
        "milliseconds": round(1000 / found["rate"], 2),
        "milliseconds_to_read_the_file": round(median(reading), 2),
        "html_bytes": made.proof.html_size,
    }
