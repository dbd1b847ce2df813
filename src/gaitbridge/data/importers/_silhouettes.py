"""Reading that most datasets share: one file of silhouettes a sequence, and SMPL parameters beside it."""

from pathlib import Path

from gaitbridge.data.contents import content_problem
from gaitbridge.data.importers._arrays import WITHOUT, silhouettes
from gaitbridge.data.importers._dataset import Arrays, Place, Reading, same_frames
from gaitbridge.data.importers._smpl import smpl, smpl_of_files
from gaitbridge.errors import UserError

SMPL_FIELDS = ("smpl", "smpl_joints", "smpl_vertices")


def silhouette_file(place: Place) -> Path | None:
    """The file of aligned silhouettes, by the names that the field gives it: seq0.pkl, sils-seq0.pkl, seq0-aligned-sils.pkl."""
    return place.file(f"{place.view}.pkl", f"sils-{place.view}.pkl", f"{place.view}-aligned-sils.pkl")


def names_looked_for(place: Place) -> str:
    """Those names, for a message."""
    return f"{place.view}.pkl, sils-{place.view}.pkl, {place.view}-aligned-sils.pkl"


def read_silhouettes(reading: Reading) -> Arrays:
    """`silhouettes` of a sequence that has nothing else."""
    if (path := silhouette_file(reading.place)) is None:
        raise reading.missing("silhouettes", names_looked_for(reading.place))
    return {"silhouettes": silhouettes(reading, path)}


def read_smpl(reading: Reading) -> tuple[Path, Arrays] | None:
    """SMPL of one file for the sequence, or of a file a frame; None where there is none. The path names it in messages."""
    place = reading.place
    if (path := place.file(f"smpls-{place.view}.pkl", f"smpl-{place.view}.pkl", "smpl.pkl", f"{place.view}.npz")) is not None:
        found = smpl(reading.value(path), path)
    else:
        frames = [file for file in place.files() if file.suffix in (".npz", ".json")]
        if not frames:
            return None
        path, found = frames[0], smpl_of_files(reading, frames)
    if problem := content_problem("smpl", found["smpl"]) if "smpl" in found else "":
        raise UserError(f"{path} {problem}; {WITHOUT}")
    return path, {name: array for name, array in found.items() if reading.wants(name)}


def read_silhouettes_with_smpl(reading: Reading) -> Arrays:
    """Both, frame by frame; either may be missing (a note), not both. UserError where their frames differ in number."""
    arrays: Arrays = {}
    lengths: dict[Path, int] = {}
    path = silhouette_file(reading.place)
    if path is not None and reading.wants("silhouettes"):
        arrays["silhouettes"] = silhouettes(reading, path)
        lengths[path] = len(arrays["silhouettes"])
    elif reading.wants("silhouettes"):
        reading.note("sequences without silhouettes", reading.place.folders[0])
    if reading.wants(*SMPL_FIELDS):
        if (found := read_smpl(reading)) is None:
            reading.note("sequences without SMPL", reading.place.folders[0])
        else:
            smpl_path, parts = found
            arrays |= parts
            if parts:
                lengths[smpl_path] = len(next(iter(parts.values())))  # its parts have the same frames
    if not arrays:
        raise reading.missing("silhouettes and no SMPL parameters", f"{names_looked_for(reading.place)}, smpls-{reading.place.view}.pkl, .npz")
    same_frames(lengths)
    return arrays
