"""Answers to benchmarks that keep the identities of their probes: the file that the site asks for, of a file of embeddings.

    grew    videoId,rank1,...,rank20: for each probe (type 03) the ids of its twenty nearest gallery sequences (types 01 and 02), as numbers
    hid     videoID,label: for each probe (the person `probe`) the label of its nearest gallery sequence

A person may stand among the twenty more than once: it is sequences that are ranked, as in the field's standard toolkit.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile
from gaitbridge.evaluation.ranking.distances import Side, centre_of, dense, exact_pairs
from gaitbridge.evaluation.ranking.reranking import k_reciprocal
from gaitbridge.files import written_whole
from gaitbridge.progress import Progress, silent
from gaitbridge.types import Distance

BLOCK = 256  # probes at a time
SPARE = 8  # more than are asked for are looked at exactly, since quick distances may change places
INSIDE = "submission.csv"  # the name within a .zip
PROBE = "probe"  # the person that probes of unknown identity are kept as


@dataclass(frozen=True)
class Site:
    """What a benchmark asks for. sides: bool [n] twice, probes and gallery; video: the name of a probe by its (type, view); label: of a person."""

    ranks: int
    header: str
    sides: Callable[[EmbeddingsFile], tuple[np.ndarray, np.ndarray]]
    video: Callable[[str, str], str]
    label: Callable[[str], str]
    probes_are: str
    gallery_is: str
    k1: int = 20  # of re-ranking by k-reciprocal neighbours, as its baseline has it


def _grew(file: EmbeddingsFile) -> tuple[np.ndarray, np.ndarray]:
    return (file.types == "03") & (file.people == PROBE), np.isin(file.types, ("01", "02")) & (file.people != PROBE)


def _hid(file: EmbeddingsFile) -> tuple[np.ndarray, np.ndarray]:
    tested = file.labels["splits"] == "test" if "splits" in file.labels else np.ones(len(file), bool)
    return file.people == PROBE, (file.people != PROBE) & tested


def _number(person: str) -> str:
    if not person.isdigit():
        raise UserError(f"GREW's people are numbers such as 00001, not {person!r}: give the embeddings of a store that `import grew` made")
    return str(int(person))


SITES = {
    "grew": Site(20, "videoId," + ",".join(f"rank{place}" for place in range(1, 21)), _grew, lambda kind, view: view, _number,
                 "person probe, type 03", "types 01 and 02"),
    "hid": Site(1, "videoID,label", _hid, lambda kind, view: kind if view in ("", "default") else view, str,
                "person probe", "everybody else of the test", 6),
}


def answered(file: EmbeddingsFile, site: str, distance: Distance | None = None, rerank: bool = False, progress: Progress = silent) -> list[list[str]]:
    """A row for each probe, in the file's order: its video, and the labels of the nearest gallery sequences, nearest first.

    distance: by default the one the file says it is meant for. UserError where there are no probes or too few gallery sequences.
    """
    asked = SITES[site]
    chosen = [np.flatnonzero(side) for side in asked.sides(file)]
    for what, rule, numbers, least in (("probe", asked.probes_are, chosen[0], 1), ("gallery sequence", asked.gallery_is, chosen[1], asked.ranks)):
        if len(numbers) < least:
            raise UserError(f"{file.path} has {len(numbers)} {what}s of {site} ({rule}), at least {least} are needed: embed the whole test, "
                            "with its probes")
    probes, gallery = (Side(file.values, numbers) for numbers in chosen)
    kind = distance or file.distance
    nearest = _reranked(probes, gallery, kind, asked) if rerank else _nearest(probes, gallery, kind, asked.ranks, progress)
    labels = [asked.label(str(person)) for person in file.people[chosen[1]]]
    videos = [asked.video(str(file.types[number]), str(file.views[number])) for number in chosen[0]]
    if len(set(videos)) < len(videos):
        twice = next(video for video in videos if videos.count(video) > 1)
        raise UserError(f"{file.path} has two probes called {twice!r}: the site tells them apart by name; embed one modality of one store")
    return [[video, *(labels[column] for column in columns)] for video, columns in zip(videos, nearest.tolist(), strict=True)]


def _nearest(probes: Side, gallery: Side, kind: Distance, count: int, progress: Progress) -> np.ndarray:
    """int [N, count]: the nearest of the gallery, nearest first; of equals the first."""
    centre, found = centre_of(gallery, kind), np.empty((len(probes), count), int)
    some = min(len(gallery), count + SPARE)
    for start in range(0, len(probes), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(probes)))
        quick = dense(probes.take(rows), gallery, centre, kind)[0]
        near = np.argpartition(quick, some - 1, axis=1)[:, :some] if some < len(gallery) else np.tile(np.arange(some), (len(rows), 1))
        near.sort(axis=1)
        exact = exact_pairs(probes, gallery, np.repeat(rows, some), near.ravel(), kind).reshape(len(rows), some)
        found[rows] = np.take_along_axis(near, np.argsort(exact, axis=1, kind="stable")[:, :count], axis=1)
        progress(min(start + BLOCK, len(probes)), len(probes), "")
    return found


def _reranked(probes: Side, gallery: Side, kind: Distance, asked: Site) -> np.ndarray:
    return np.argsort(k_reciprocal(probes, gallery, kind, asked.k1), axis=1, kind="stable")[:, : asked.ranks]


def write_submission(rows: list[list[str]], site: str, out: Path) -> None:
    """The rows as the .csv that the site asks for, or a .zip with it. UserError where the name ends otherwise."""
    text = "".join(f"{line}\n" for line in (SITES[site].header, *(",".join(row) for row in rows)))
    if out.suffix not in (".csv", ".zip"):
        raise UserError(f"{out}: a submission is a .csv, or a .zip with {INSIDE} in it: name it so")
    with written_whole(out) as temporary:
        if out.suffix == ".csv":
            temporary.write_text(text, encoding="utf-8", newline="")
            return
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(INSIDE), text, zipfile.ZIP_DEFLATED)  # no time of day: the same rows, the same bytes
