"""Fuzzing: `python tests/fuzz/fuzz.py SECONDS [TARGET …]` tries targets for so long in all, one after the other.

An input raises nothing and costs half a second of a processor (a reader has two for it) and 64 MB at most. One that
breaks this is written to FOLDER/findings, and the exit status is 1. Seeds are our own samples; `--seeds` adds others.
What was learnt stays in FOLDER/TARGET for the next time. atheris (libFuzzer) sees which lines an input reaches, and
changes those that reach new ones.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS), str(TESTS / "fuzz")]
CORPUS = TESTS / "corpus"
PIECES = CORPUS / "fuzz" / "pieces.dict"
SECONDS_AT_MOST = 0.5  # of a processor; 50 people, each with a long speech, take a quarter of it on a slow one
MEMORY_AT_MOST = 64 * 2**20  # octets
LENGTH_AT_MOST = 20_000  # octets; what costs by its size is told by `swollen`
WATCHED = ["pipeline.feedback", "pipeline.replies", "pipeline.tokens"]


class TooCostlyError(Exception):
    """More than an input may cost."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=int)
    parser.add_argument("target", nargs="*")
    parser.add_argument("--folder", type=Path, default=TESTS.parent / "var" / "fuzz")
    parser.add_argument("--seeds", type=Path, action="append", default=[])
    parser.add_argument("--one", action="store_true", help="in this process, which ends with it")
    parser.add_argument("--weigh", action="store_true", help="what the input on stdin costs if nobody watches")
    args = parser.parse_args()
    if args.weigh:
        print(weighed(args.target[0], sys.stdin.buffer.read()))  # noqa: T201
        return 0
    if args.one:
        fuzz(args.target[0], args.seconds, args.folder, args.seeds)
    from targets import TARGETS

    names = args.target or list(TARGETS)
    share = max(1, args.seconds // len(names))
    options = ["--one", "--folder", str(args.folder), *(f"--seeds={seeds}" for seeds in args.seeds)]
    again = [sys.executable, __file__, str(share)]
    failed = [name for name in names if subprocess.run([*again, name, *options], check=False).returncode]
    print(f"Findings of {', '.join(failed)}: {args.folder / 'findings'}" if failed else "No findings.")  # noqa: T201
    return int(bool(failed))


def fuzz(name: str, seconds: int, folder: Path, others: Sequence[Path]) -> None:
    """Try one target; ends the process."""
    import atheris

    with atheris.instrument_imports(include=WATCHED):
        from targets import TARGETS, seeds
    target = TARGETS[name]

    def trial(raw: bytes) -> None:
        memory, began = peak(), time.process_time()
        target(raw)
        if time.process_time() - began > SECONDS_AT_MOST and weighed_apart(name, raw) > SECONDS_AT_MOST:
            raise TooCostlyError("time")
        if peak() - memory > MEMORY_AT_MOST:
            raise TooCostlyError("memory")

    learnt, findings = folder / name, folder / "findings"
    for each in (learnt, findings):
        each.mkdir(parents=True, exist_ok=True)
    if not any(learnt.iterdir()):
        for number, raw in enumerate(seeds(name)):
            (learnt / f"seed-{number}").write_bytes(raw)
    options = {
        "max_total_time": seconds,
        "max_len": LENGTH_AT_MOST,
        "timeout": 30,
        "rss_limit_mb": 1500,
        "artifact_prefix": f"{findings}/{name}-",
        "dict": PIECES,
        "print_final_stats": 1,
        "verbosity": 0,
    }
    places = [learnt, *(path for path in (CORPUS / "feedback", CORPUS / "fuzz" / name, *others) if path.is_dir())]
    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), *map(str, places)], trial)
    atheris.Fuzz()


def peak() -> int:
    """The most memory that this process ever had, in octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def weighed(name: str, raw: bytes) -> float:
    """Seconds of a processor, the least of three times."""
    from targets import TARGETS

    times = []
    for _ in range(3):
        began = time.process_time()
        TARGETS[name](raw)
        times.append(time.process_time() - began)
    return min(times)


def weighed_apart(name: str, raw: bytes) -> float:
    """As `weighed`, in a process that is not slowed down by being watched."""
    command = [sys.executable, __file__, "0", name, "--weigh"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("LD_", "ASAN"))}
    return float(subprocess.run(command, input=raw, capture_output=True, check=True, env=clean).stdout)


if __name__ == "__main__":
    sys.exit(main())
