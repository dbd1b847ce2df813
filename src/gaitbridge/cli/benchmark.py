"""Commands of the open benchmark: benchmark make, list, card, verify."""

from pathlib import Path

from cyclopts import App

from gaitbridge import machine
from gaitbridge.cli._app import PartOf, Workers, app, say
from gaitbridge.cli._parts import say_waiting

benchmark = App(name="benchmark", help="Make the open benchmark's stores, checked by the hash of their content, and say what they are.")
app.command(benchmark)


@benchmark.command
def make(name: str, store: Path, *, subset: str | None = None, captures: Path | None = None, shape: str | None = None,
         workers: Workers | None = None, part: PartOf = None) -> None:
    """Make a benchmark's store and check its content. Interrupted, it goes on where it was.

    Parameters
    ----------
    name
        small, standard or real-motion, of which the newest version is made, or a version such as small@1; `gaitbridge benchmark list` has them.
    store
        Folder of the store to make.
    subset
        A part of it: cpu for standard.
    captures
        For real-motion: folder of BVH files named person_take.bvh, or of subject.asf and subject_trial.amc.
    shape
        For real-motion. person: each their own body; shared: one body for all, so that identity is motion alone.
    workers
        Processes; by default as many as there are cores.
    part
        K/N: only part K of N of the people, for many machines; by default the task of a SLURM array. Whoever finishes last merges and checks.
    """
    from gaitbridge.parts import chosen
    from gaitbridge.progress import progress
    from gaitbridge.simulation import benchmarks

    own = chosen(part)
    with progress(f"make {name}", "people") as show:
        made, expected = benchmarks.make(name, store, subset=subset, captures=captures, shape=shape, workers=workers or machine.workers(),
                                         progress=show, part=own)
    if not made:
        say_waiting(store, own)
        return
    sequences = sum(shard["rows"] for shard in made["shards"].values())
    one = benchmarks.open_benchmark(name)
    checked = "as published" if expected else "no published hash of this variant to compare with" if one.hashes else "not frozen yet: no hash"
    say(f"{store}: {one.title}, {len(made['shards'])} simulated people, {sequences} sequences, "
        f"content {made['content_hash']} ({checked})")


@benchmark.command(name="list")
def list_benchmarks() -> None:
    """List the benchmarks and their versions; a name alone means the newest."""
    from gaitbridge.simulation.benchmarks import BENCHMARKS

    for one in BENCHMARKS.values():
        say(f"{one.exact:16} {one.about}{'' if one.hashes else ' (not frozen yet)'}")


@benchmark.command
def card(name: str) -> None:
    """Print all settings of a benchmark and the content hashes that are known, of each of its versions.

    Parameters
    ----------
    name
        small, standard or real-motion: all versions, the newest first; small@1 for one of them.
    """
    from gaitbridge.printing import say_lines
    from gaitbridge.report.benchmark_card import card_of
    from gaitbridge.simulation.benchmarks import open_benchmark, versions

    newest = open_benchmark(name)
    say_lines("\n\n".join(card_of(one) for one in ([newest] if "@" in name else versions(newest.name))))


@benchmark.command
def verify(name: str, store: Path) -> None:
    """Read a whole store and say which version of a benchmark it is.

    Parameters
    ----------
    name
        small, standard or real-motion; small@1 asks for that version alone.
    store
        Folder of the store.
    """
    from gaitbridge.simulation import benchmarks

    one, variant = benchmarks.verify(name, store)
    say(f"{store}: {one.title} ({variant}), all content hashes agree")
