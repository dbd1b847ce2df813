"""Embeddings of many sequences, in parts: stopped, it goes on where it was, and several processes or machines share the work.

    OUT                        the file of embeddings, written last and whole
    .OUT.<plan>.parts/         while it is made: a file a part; the name holds a digest of network, data, modality and sequences

A process does the share of them that is its part of the work (--part, torchrun's RANK and WORLD_SIZE); whoever finds all there puts them together.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import __version__
from gaitbridge.data.batches import has_all
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.embedding.file import read_embeddings, read_keys, read_provenance
from gaitbridge.evaluation.embedding.from_store import Embed, embed_store, modality_name
from gaitbridge.evaluation.embedding.labels import labels_of, probe_set_of
from gaitbridge.files import alone, in_turn, within, written_whole
from gaitbridge.parts import WHOLE, Part, Work, doing, read_work
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store

PART = 128  # sequences, a multiple of a batch: seconds of work, which is what a stop loses, and what is shared among processes


def embed_in_parts(embed: Embed, store: Store, numbers: Sequence[int], modality: str, out: Path, provenance: Mapping[str, Any], weights_hash: str, *,
                   inputs: Sequence[str] = (), share: Part = WHOLE, part: int = PART, progress: Progress = silent) -> int:
    """Embed sequences `numbers` of a store into the file `out`; returns how many parts others still owe (0: `out` is whole).

    embed, modality, inputs, provenance: as in `embed_store`; weights_hash: of the network; share: what this process does. UserError where no sequence
    has the modality, or `out` holds something else already; a file that holds just this is left as it is.
    """
    name = modality_name(modality)
    needed = tuple(inputs) or (name,)
    taken = [number for number in numbers if has_all(store.rows[number], needed)]
    if not taken:
        raise UserError(f"{store.path}: none of {len(numbers)} sequences has {' and '.join(needed)}; choose another modality or store")
    keys = [store.rows[number]["key"] for number in taken]
    plan = {"weights_hash": weights_hash, "data_hash": store.content_hash, "modality": name, "part": part, "keys": keys}
    folder = out.with_name(f".{out.name}.{_digest(plan)}.parts")
    if out.exists():
        _check_same(out, plan)
        _remove(folder)
        return 0
    left_out = sorted({store.rows[number]["key"] for number in numbers} - set(keys))
    about = {**provenance, "data_hash": store.content_hash, "left_out": left_out}
    groups = {f"part-{number:06d}": taken[number * part : (number + 1) * part] for number in range(-(-len(taken) // part))}
    merging = {"out": out.name, "store": str(store.path.resolve()), "weights_hash": weights_hash, "modality": name, "part": part, "about": about}
    work = Work(command="embed", what="parts", items={group: [f"{group}.npz"] for group in groups}, result=f"../{out.name}", merging=merging)
    try:
        with alone(folder, together=True), doing(folder, folder, work, share, progress) as done:
            for group in done.todo():
                if not done.there(group):
                    embed_store(embed, store, groups[group], name, folder / f"{group}.npz", about, inputs=inputs)
                done.one_more()
            if missing := len(done.missing()):
                return missing
            merge(folder, store)
    except UserError:
        if not out.is_file():  # otherwise others have merged meanwhile, and removed what they merged
            raise
    _remove(folder)
    return 0


def merge(folder: Path, store: Store | None = None) -> Path:
    """Put the parts in a folder together, where nobody has yet; the file. store: opened already. StoreError where a part is not what it should be."""
    work = read_work(folder)
    given = work["merging"]
    files, out = [within(folder, file) for item in work["items"].values() for file in item], folder.parent / given["out"]
    with in_turn(folder / "merging.lock"):
        if out.exists():
            return out
        store = store or Store(given["store"])
        keys = [key for file in files for key in read_keys(file)]
        plan = {name: given[name] for name in ("weights_hash", "modality", "part")} | {"data_hash": store.content_hash, "keys": keys}
        if folder.name != f".{out.name}.{_digest(plan)}.parts":
            raise StoreError(f"{folder} holds parts of another store or network: delete it and run the same again")
        labels = labels_of([store.rows[store.row_of_key[key]] for key in keys], probe_set_of(store))
        _put_together(files, keys, labels, out, {**given["about"], "weights_hash": given["weights_hash"], "modality": given["modality"]})
    return out


def merged(folder: Path) -> Path:
    """Put the parts in a folder together and remove them; the file. Errors as `merge`."""
    out = merge(folder)
    _remove(folder)
    return out


def _digest(plan: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(plan, sort_keys=True).encode(), digest_size=6).hexdigest()


def _remove(folder: Path) -> None:
    """Remove parts that are merged; whoever is still at work on one does it instead."""
    if folder.exists():
        with suppress(UserError), alone(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _check_same(out: Path, plan: Mapping[str, Any]) -> None:
    try:
        about, keys = read_provenance(out), list(read_embeddings(out).keys)
    except (UserError, StoreError) as error:
        raise UserError(f"{out} exists and is no file of embeddings: choose another name, or delete it") from error
    if keys != plan["keys"] or any(about.get(name) != plan[name] for name in ("weights_hash", "data_hash", "modality")):
        raise UserError(f"{out} holds embeddings of another network, modality or store: choose another name, or delete it")


def _put_together(files: Sequence[Path], keys: Sequence[str], labels: Mapping[str, np.ndarray], out: Path, about: Mapping[str, Any]) -> None:
    """The parts as one .npz, a part in memory at a time."""
    first = read_embeddings(files[0])
    shape = (len(keys), *first.values.shape[1:])
    document = {"code_version": __version__, **about, "distance": first.distance}
    with written_whole(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("values.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for values in _values(files, keys):
                file.write(np.ascontiguousarray(values, "<f4").tobytes())
        texts = {"keys": np.asarray(keys, dtype=str), "provenance": np.asarray(json.dumps(document, sort_keys=True))}
        for name, array in (texts | dict(labels)).items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _values(files: Sequence[Path], keys: Sequence[str]) -> Iterator[np.ndarray]:
    done = 0
    for path in files:
        part = read_embeddings(path)
        if tuple(keys[done : done + len(part)]) != part.keys:
            raise StoreError(f"{path} is not the part that it should be: delete it and run the same again")
        done += len(part)
        yield part.values
