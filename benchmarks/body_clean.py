"""Some test people of a simulated store once more, with the silhouettes that no segmenter has touched beside those that one has.

    python benchmarks/body_clean.py small clean --people 0 1 2 3 4 8     # by their place among the test people; 8 is one of the 12 met at night

Made anew from the store's own settings with `clean_silhouettes` kept; everything else must come out as the store has it to the byte: checked.
Stopped, it goes on where it was. `benchmarks/body_oracle.py` measures a network on it.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported

import argparse
from pathlib import Path

import numpy as np

from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_source, plan, render_person
from gaitbridge.store import Store, finish_store, shard_path, write_shard

SAME = ("silhouettes", "joints", "silhouettes_box")


def made(store: Store, out: Path, places: list[int], progress: Progress = silent) -> None:
    """Render these test people to `out`; ValueError where something else comes out than the store has."""
    config = CohortConfig(**store.document["about"]["config"])
    config = config.model_copy(update={"extras": ("clean_silhouettes",)})
    source = open_source(config.motion)
    tested = [person for person in plan(config, source) if person.split == "test"]
    chosen = [tested[place] for place in places]
    for number, person in enumerate(chosen):
        progress(number, len(chosen), person.name)
        if not shard_path(out, person.name).is_file():
            write_shard(out, person.name, render_person(config, person, person.name))
    finish_store(out, [person.name for person in chosen], store.document["about"] | {"config": config.model_dump(mode="json")})
    there = {row["key"]: number for number, row in enumerate(store.rows)}
    again = Store(out)
    for number, row in enumerate(again.rows):
        own, other = again.read(number, SAME).arrays, store.read(there[row["key"]], SAME).arrays
        if not all(np.array_equal(own[name], other[name]) for name in SAME):
            raise ValueError(f"{row['key']} came out otherwise than {store.path} has it: another version of the program or of a library made that")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, nargs="+", default=list(range(25)))
    given = parser.parse_args()
    made(Store(given.store), given.out, given.people, lambda done, total, name: print(f"{done}/{total} {name}", flush=True))
    print(f"{given.out}: {len(given.people)} people, all sequences as in {given.store}")


if __name__ == "__main__":
    main()
