"""A sweep: one run with other settings, each trained over some seeds, one process a run. Stopped, it goes on where it was.

    OUT/ARM-s0/                            a run folder; OUT/ARM-s0.log what its command said
    OUT/sweep.json, sweep.csv, sweep.md    what came out
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from gaitbridge.documents import read_text
from gaitbridge.errors import UserError
from gaitbridge.evaluation.comparing.swept import SweptRow, swept_row
from gaitbridge.progress import Progress, silent
from gaitbridge.run_documents import read_config, read_provenance
from gaitbridge.store import Store
from gaitbridge.training.config import RunConfig
from gaitbridge.training.described import differences
from gaitbridge.training.given import judged_settings, run_settings
from gaitbridge.training.study import Arm, Plan, Run, Study, execute

Settings = tuple[str, ...]
LONGEST = 120  # letters of an arm's name, which becomes a folder's
MOST_ARMS = 10_000


def grid_of(axes: Iterable[str]) -> list[Settings]:
    """All combinations of axes such as `optimiser.learning_rate=1e-3,3e-3`; commas within brackets and quotes do not part. UserError where one is
    written otherwise."""
    parted = []
    for axis in axes:
        path, equals, text = axis.partition("=")
        values = _parted(text)
        if not equals or not path.strip() or not all(values):
            raise UserError(f"--grid {axis!r}: write it as a.b=value,value, such as --grid optimiser.learning_rate=1e-3,3e-3")
        parted.append([f"{path.strip()}={_as_json(value)}" for value in values])
    names = [one[0].partition("=")[0] for one in parted]
    if len(set(names)) < len(names):
        raise UserError(f"--grid names {next(name for name in names if names.count(name) > 1)} twice: give all its values in one")
    return list(product(*parted))


def _parted(text: str) -> list[str]:
    """A text's parts between commas that are in no brackets and no quotes."""
    parts, depth, quoted = [""], 0, False
    for letter in text:
        quoted ^= letter == '"'
        depth += 0 if quoted else (letter in "[{") - (letter in "]}")
        if letter == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _as_json(text: str) -> str:
    """One spelling of a value, so that 1e-3 and 0.001 are one run; text that is no JSON as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return text


def listed_in(file: Path) -> list[Settings]:
    """The lines of a file, each the settings of one arm with blanks between them; what follows a # does not count. UserError names a line that is
    otherwise."""
    found = []
    for number, line in enumerate(read_text(file, "write one arm a line").splitlines(), 1):
        words = line.partition("#")[0].split()
        for word in words:
            if "=" not in word[1:]:
                raise UserError(f"{file}, line {number}: {word!r} is no setting; write a.b=value, with no blanks in it")
        if words:
            found.append(tuple(f"{word.partition('=')[0]}={_as_json(word.partition('=')[2])}" for word in words))
    return found


def plan_sweep(arms: Sequence[Settings], document: dict[str, Any], store: Store, out: Path, *, seeds: int = 1, settings: Iterable[str] = (),
               source: Sequence[str] = ()) -> Plan:
    """The runs of a sweep. document: the settings that arms change, `source` the words by which `train` is told of them; settings: of every run.

    UserError before anything is begun: where there is nothing to sweep, an arm is there twice or its settings do not fit, the store has nobody to
    validate on, or a folder holds a run with other settings or of other data.
    """
    common = tuple(settings)
    if not arms:
        raise UserError("nothing to sweep: give --grid a.b=value,value or --list FILE")
    if len(arms) > MOST_ARMS:
        raise UserError(f"{len(arms)} arms are too many: give at most {MOST_ARMS}")
    if twice := [one for one in arms if arms.count(one) > 1]:
        raise UserError(f"{' '.join(twice[0])} is there twice")
    if not store.select(split="val"):
        raise UserError(f"{store.path} has no people of split val: a sweep is judged by rank-1 on them")
    named = [Arm(arm_name(one), " ".join(one), one) for one in arms]
    runs = tuple(Run(arm, seed, out / f"{arm.name}-s{seed}") for arm in named for seed in range(seeds))
    study = Study("sweep", "Settings against each other on validation people.", document["recipe"], tuple(named), checkpoint="")
    plan = Plan(study, store.path, runs, {}, document["recipe"], common, source=tuple(source))
    for run in runs:
        try:
            wanted = run_settings(document, (*run.arm.settings, *common, f"seed={run.seed}"))
        except UserError as error:
            raise UserError(f"arm {run.arm.about}: {error}") from error
        _check_folder(run.folder, wanted, store)
    return plan


def _check_folder(folder: Path, wanted: RunConfig, store: Store) -> None:
    """UserError where a run lies there that is not the one wanted."""
    if not (folder / "config.json").is_file():
        return
    before = judged_settings(read_config(folder), str(folder / "config.json"))
    if other := differences([before], [wanted.model_dump(mode="json")]):
        raise UserError(f"{folder} is a run with other settings ({', '.join(one.name for one in other[:5])}): choose another --out")
    if read_provenance(folder).get("data_hash", store.content_hash) != store.content_hash:
        raise UserError(f"{folder} was trained on other data than {store.path}: choose another --out")


def arm_name(settings: Settings) -> str:
    """A name for folders, the same for the same settings; where letters had to be left out it ends with a hash of them all."""
    whole = ",".join(settings)
    plain = re.sub(r"[^\w.=,+\[\]-]", "_", whole, flags=re.ASCII)[:LONGEST]
    return plain if plain == whole else f"{plain}-{hashlib.blake2b(whole.encode(), digest_size=4).hexdigest()}"


def run_sweep(plan: Plan, jobs: int = 1, progress: Progress = silent) -> list[SweptRow]:
    """Train what is not finished, and give the row of every run; a run that fails has what it said last, and the others go on."""
    failed = execute(plan, jobs, progress, keep_going=True)
    return [swept_row(run.arm.name, run.arm.settings, run.seed, run.folder, failed.get(run, "")) for run in plan.runs]
