"""`python -m bench NAME [--json]`: run one benchmark, or all of them."""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.options import Options

NAMES = {
    "compile": "an issue to a proof, warm",
    "fill": "messages per second from a proof, beside the standard library's",
    "rehearse": "readers per second of a rehearsal, database and all",
    "deliver": "the real path into smtp-sink, beside smtp-source",
    "large": "one large send: its last tenth beside its second, memory, freezing beside an INSERT",
    "import": "a CSV into a list, beside a bare COPY of it",
    "feedback": "returned mail understood, beside flufl.bounce; only with --corpus",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(f"{k} ({v})" for k, v in NAMES.items()))
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--recipients", type=int, default=8_000, help="of deliver, large, rehearse and import (8000)")
    parser.add_argument("--dkim", action="store_true", help="of deliver: sign with RSA-2048")
    parser.add_argument("--postfix", action="store_true", help="of deliver: into a real Postfix that discards")
    parser.add_argument("--sink", choices=["smtp-sink", "ours"], default="smtp-sink", help="of deliver (smtp-sink)")
    parser.add_argument("--rtt", type=float, default=0, metavar="MS", help="of deliver: lengthen each round trip")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help="of feedback: messages and their labels.jsonl")
    args = parser.parse_args()
    named = {"names", "json"}
    options = Options(**{name: value for name, value in vars(args).items() if name not in named})
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if "feedback" in args.names and not options.corpus:
        parser.error("feedback needs --corpus FOLDER")
    results = {}
    for name in args.names or [name for name in NAMES if name != "feedback" or options.corpus]:
        module = importlib.import_module(f"bench.{'imports' if name == 'import' else name}")
        results[name] = module.run(options)
        if not args.json:
            print(name, *getattr(module, "shown", _shown)(results[name]), sep="\n")
    if args.json:
        print(json.dumps(next(iter(results.values())) if len(results) == 1 else results))
    return 0


def _shown(result: Mapping[str, object]) -> Iterator[str]:
    return (f"  {key:30} {value}" for key, value in result.items())


if __name__ == "__main__":
    sys.exit(main())
