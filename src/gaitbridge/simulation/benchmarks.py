"""The open benchmark: cohorts fixed by name, version and seed, and the content that they must have. Definitions are data.

`small` is the newest version of that name, `small@1` its first; a version without hashes is not frozen yet.

A definition never changes: what changes the bytes is a new version with a new hash. The cohorts are made from nothing but this program and the body
model, so nobody has to ship them. See docs/benchmark.md for what they stand for.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gaitbridge.errors import StoreError, UserError, nearest
from gaitbridge.parts import Part, Work
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.cohort import simulate, simulate_part
from gaitbridge.simulation.motion._captures import files_in
from gaitbridge.simulation.settings import VERSION_1, VERSION_2, CohortConfig
from gaitbridge.store import Store
from gaitbridge.store_parts import merge_store

APART: dict[str, Any] = {"sensor_baseline_m": (0.5, 1.5), "lidar_bearing_deg": (2.0, 10.0), "camera_time_offset_s": (0.0, 0.5)}
"""Camera and LiDAR neither at one place nor locked in time, as rigs in the field are."""
CAPTURES = "BVH files named <person>_<take>.bvh, or of <subject>.asf and <subject>_<trial>.amc"
MAKERS = ("anny", "embreex", "numpy", "scipy")  # the packages whose version may change the bytes


@dataclass(frozen=True)
class Benchmark:
    """A cohort by name and version. `subsets`: people by split of a part of it; `hashes`: the content of what has been made, by variant.

    A variant is the subset's name, or "all"; for captured motion the shape and the captures' own hash (`captures_hash`). `made_with`: the versions
    of MAKERS that the hashes were made with. `captured`: it needs a folder of captures.
    """

    name: str
    version: int
    about: str
    config: CohortConfig
    subsets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    made_with: Mapping[str, str] = field(default_factory=dict)
    captured: bool = False

    @property
    def title(self) -> str:
        """Name and version, as results are to call it."""
        return f"{self.name} v{self.version}"

    @property
    def exact(self) -> str:
        """Name and version, as commands take them: small@1."""
        return f"{self.name}@{self.version}"


_MADE_WITH = {"anny": "0.6.2", "embreex": "4.4.0.post1", "numpy": "2.4.6", "scipy": "1.17.1"}

TWELVE = ("000", "030-far", "060", "090", "120-far", "150", "180", "210-far", "240", "270", "300-far", "330")  # views of the larger ones
EIGHT = ("000", "045", "090", "135-far", "180", "225", "270", "315-far")
WORN = ("bag", "clothing", "carrying", "umbrella", "uniform", "occlusion")  # every condition but that of people met at night
AT_NIGHT = 0.12  # of the people, from the second version on

BENCHMARKS: dict[str, Benchmark] = {
    one.exact: one
    for one in (
        Benchmark(
            "small", 1, "100 people to train, 20 to validate, 100 to test; 4 takes before 8 views; minutes on a CPU",
            CohortConfig(
                seed=8101, people={"train": 100, "val": 20, "test": 100}, frames=12,
                takes=(("normal",), ("normal",), ("bag", "clothing", "carrying"), ("umbrella", "uniform", "occlusion", "night")),
                views=EIGHT, **APART, **VERSION_1,
            ),
            hashes={"all": "07f5cf12777c09f3d8a4f335fb745895"}, made_with=_MADE_WITH,
        ),
        Benchmark(
            "small", 2, "100 people to train, 20 to validate, 100 to test; 8 takes before 8 views, every condition; minutes on a CPU",
            CohortConfig(
                seed=8102, people={"train": 100, "val": 20, "test": 100}, frames=12, night_people=AT_NIGHT,
                takes=(("normal",), ("normal",), *((condition,) for condition in WORN)), views=EIGHT, **APART, **VERSION_2,
            ),
            hashes={"all": "08bffc2dbf13f6d1e138045a53371b44"}, made_with=_MADE_WITH,
        ),
        Benchmark(
            "standard", 1, "1,000 people to train, 100 to validate, 500 to test; 5 takes before 12 views; for a GPU (subset cpu: 250, 50, 200)",
            CohortConfig(
                seed=8201, people={"train": 1000, "val": 100, "test": 500}, first_person={"train": 0, "val": 1000, "test": 2000}, frames=12,
                takes=(("normal",), ("normal",), ("bag", "carrying"), ("clothing", "uniform"), ("umbrella", "occlusion", "night")),
                views=TWELVE, **APART, **VERSION_1,
            ),
            subsets={"cpu": {"train": 250, "val": 50, "test": 200}},
            hashes={"cpu": "3b135bc0b7ea6e589afad49ce2bc53db"},
            made_with=_MADE_WITH,
        ),
        Benchmark(
            "standard", 2, "1,000 people to train, 100 to validate, 500 to test; 5 takes before 12 views; for a GPU (subset cpu: 250, 50, 200)",
            CohortConfig(
                seed=8202, people={"train": 1000, "val": 100, "test": 500}, first_person={"train": 0, "val": 1000, "test": 2000}, frames=12,
                night_people=AT_NIGHT, takes=(("normal",), ("normal",), ("bag", "carrying"), ("clothing", "uniform"), ("umbrella", "occlusion")),
                views=TWELVE, **APART, **VERSION_2,
            ),
            subsets={"cpu": {"train": 250, "val": 50, "test": 200}},
        ),
        Benchmark(
            "real-motion", 1, "people who move as they were captured, take apart from take, before 12 views; to test on alone; needs --captures",
            CohortConfig(
                seed=8301, people={}, frames=12, takes=(("normal",),) * 4,
                views=TWELVE, **APART, **VERSION_1,
            ),
            hashes={  # of 34 captured people: 28 of a public gait set and six CMU subjects, in a folder named `captures`
                "person, captures 0927cdcb": "e5fee4f7a8aa5dfd52e801022a39ce6a",
                "shared, captures 0927cdcb": "8d448c1a6bfc26f0998f83f98317327f",
            },
            made_with=_MADE_WITH, captured=True,
        ),
        Benchmark(
            "real-motion", 2, "people who move as they were captured, take apart from take, before 12 views; to test on alone; needs --captures",
            CohortConfig(seed=8302, people={}, frames=12, takes=(("normal",),) * 4, views=TWELVE, **APART, **VERSION_2),
            captured=True,
        ),
    )
}  # fmt: skip


def versions(name: str) -> list[Benchmark]:
    """All versions of a benchmark, the newest first; none where there is no such name."""
    return sorted((one for one in BENCHMARKS.values() if one.name == name), key=lambda one: -one.version)


def open_benchmark(name: str) -> Benchmark:
    """The definition `name`, the newest one, or of a version, `name@1`; UserError with the nearest one where there is none."""
    plain, at, number = name.partition("@")
    found = versions(plain)
    if not found:
        raise UserError(f"unknown benchmark {plain!r}: {nearest(plain, sorted({one.name for one in BENCHMARKS.values()}))}")
    for one in found if at else found[:1]:
        if not at or number == str(one.version):
            return one
    raise UserError(f"{plain} has no version {number!r}: take {' or '.join(one.exact for one in reversed(found))}, or {plain} for the newest")


def configured(benchmark: Benchmark, subset: str | None = None, captures: Path | None = None, shape: str | None = None) -> tuple[CohortConfig, str]:
    """The cohort to make and the name of the variant. UserError where an option does not belong to this benchmark."""
    if benchmark.captured:
        if captures is None:
            raise UserError(f"{benchmark.name} needs captured motion: give --captures DIR, a folder of {CAPTURES}")
        if subset is not None:
            raise UserError(f"{benchmark.name} has no subsets: its people are those of the captures")
        source, files = capture_files(captures)
        chosen = CohortConfig.model_validate(benchmark.config.model_dump() | {"motion": f"{source}:{captures}", "shape": shape or "person"})
        return chosen, f"{chosen.shape}, captures {captures_hash(captures, files)}"
    if captures is not None or shape is not None:
        raise UserError(f"{benchmark.name} is generated: --captures and --shape belong to real-motion")
    if subset is None:
        return benchmark.config, "all"
    if subset not in benchmark.subsets:
        raise UserError(f"unknown subset {subset!r} of {benchmark.name}: {nearest(subset, benchmark.subsets)}")
    return CohortConfig.model_validate(benchmark.config.model_dump() | {"people": dict(benchmark.subsets[subset])}), subset


def capture_files(folder: Path) -> tuple[str, list[Path]]:
    """The motion source that plays a folder of captures, and the files that decide what it plays (bvh; or amc, also in folders in it).

    UserError where there are none, or both.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give one of {CAPTURES}")
    found = {"bvh": files_in(folder, ".bvh"), "amc": files_in(folder, ".amc", deep=True)}
    kinds = [source for source, files in found.items() if files]
    if len(kinds) != 1:
        raise UserError(f"{folder} holds {'both .bvh and' if kinds else 'no .bvh files and no'} .amc files: give a folder of {CAPTURES}, of one kind")
    return kinds[0], found[kinds[0]] + (files_in(folder, ".asf", deep=True) if kinds == ["amc"] else [])


def captures_hash(folder: Path, files: Iterable[Path] | None = None) -> str:
    """Eight digits that name a folder of captures: its name and its files', which labels repeat, and their bytes. UserError where there are none."""
    digest = hashlib.blake2b(folder.name.encode(), digest_size=4)
    for file in capture_files(folder)[1] if files is None else files:
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + hashlib.blake2b(file.read_bytes(), digest_size=16).digest())
    return digest.hexdigest()


def make(name: str, store: Path, *, subset: str | None = None, captures: Path | None = None, shape: str | None = None, workers: int = 1,
         progress: Progress = silent, part: Part | None = None) -> tuple[dict[str, Any], str]:
    """Make a benchmark's store (an interrupted one goes on) and check its content; (store.json, the expected hash or "" where none is known yet).

    part: make that alone; store.json is empty as long as other parts are missing.
    StoreError where the content is another than was published: the store stays, and the line says which versions differ.
    """
    benchmark = open_benchmark(name)
    config, variant = configured(benchmark, subset, captures, shape)
    if part is None:
        made = simulate(store, config, workers, progress)
    else:
        more = {"benchmark": benchmark.exact, "variant": variant}
        made = simulate_part(store, config, part, workers, progress, "benchmark make", more) or {}
        if not made:
            return made, ""
    check(benchmark, variant, store, str(made["content_hash"]))
    return made, benchmark.hashes.get(variant, "")


def merge(store: Path, work: Work) -> dict[str, Any]:
    """Merge a benchmark's store that was made in parts, and check its content. Errors as `make`."""
    made, given = merge_store(store, work), work["merging"]
    check(open_benchmark(given["benchmark"]), given["variant"], store, str(made["content_hash"]))
    return made


def check(benchmark: Benchmark, variant: str, store: Path, found: str) -> None:
    """StoreError where the content hash of a variant is known and another one was found."""
    expected = benchmark.hashes.get(variant, "")
    if not expected or found == expected:
        return
    here = {package: _version(package) for package in MAKERS}
    other = [f"{package} {here[package]} for {wanted}" for package, wanted in benchmark.made_with.items() if here[package] != wanted]
    why = f"made here with {', '.join(other)}" if other else "with the same versions, so by another program version or processor"
    raise StoreError(f"{store} is not {benchmark.title} ({variant}): content {found}, published {expected}; {why}; "
                     "its results must not be called by that name")


def verify(name: str, path: Path) -> tuple[Benchmark, str]:
    """Read a whole store and say which version of the benchmark `name` it is, and which variant; `name@1` asks for that version alone.

    StoreError where it is none: the line says what is published, and of which version its settings are.
    """
    wanted, store = open_benchmark(name), Store(path)
    asked = [wanted] if "@" in name else versions(wanted.name)
    store.verify()
    for benchmark in asked:
        for variant, expected in benchmark.hashes.items():
            if expected == store.content_hash:
                return benchmark, variant
    known = "; ".join(f"{one.title}, {variant}: {content}" for one in asked for variant, content in one.hashes.items()) or "none yet"
    alike = by_settings(store, versions(wanted.name))
    of = f"; its settings are those of {alike.title}" if alike else ""
    raise StoreError(f"{path} is not {wanted.title if '@' in name else wanted.name}: content {store.content_hash}, published {known}{of}")


def by_settings(store: Store, among: Iterable[Benchmark]) -> Benchmark | None:
    """Of which benchmark a store's settings are, whatever its people and captures; None where of none."""
    given = store.document["about"].get("config")
    if not isinstance(given, dict):
        return None
    free = {"people", "motion", "shape"}
    for benchmark in among:
        own = benchmark.config.model_dump(mode="json")
        before = CohortConfig(**VERSION_1).model_dump(mode="json") | given  # of a store that was made before a setting was there
        if all(before[key] == own[key] for key in own.keys() - free):
            return benchmark
    return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
