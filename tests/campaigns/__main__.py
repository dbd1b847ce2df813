"""The campaigns at length: python -m campaigns [--count N] [--seed S] [NAME ...], from the folder `tests`; `make campaigns`.

Prints a table, the failures under it, and ends with code 1 where there are any.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from campaigns.contract import Failure, names, timed

SHOWN = 10  # failures of each campaign that are printed whole


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make campaigns", description="Kills and damaged files, many times.")
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names())}; all of them by default")
    parser.add_argument("--count", type=int, help="runs of each; by default its own LONG")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(words)
    if unknown := set(given.name) - set(names()):
        parser.error(f"no campaign {min(unknown)!r}: there are {', '.join(names())}")
    failed: dict[str, list[Failure]] = {}
    print(f"{'campaign':<14}{'runs':>8}{'seconds':>10}  failures by kind", flush=True)
    for name in given.name or names():
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            runs, seconds, failed[name] = timed(name, given.count, given.seed, Path(folder) / name)
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(one.kind for one in failed[name]).items()))
        print(f"{name:<14}{runs:>8}{seconds:>10.0f}  {kinds or 'none'}", flush=True)
    for name, failures in failed.items():
        for one in failures[:SHOWN]:
            print(f"{name}: {one.kind}: {one.case}: {one.said}")
        if len(failures) > SHOWN:
            print(f"{name}: {len(failures) - SHOWN} more")
    return int(any(failed.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
