"""Gait3D-Parsing: the people of Gait3D with a body part for each pixel (Zheng et al., ACM MM 2023). `--beside` takes Gait3D's own silhouettes."""

from dataclasses import replace
from pathlib import Path

from gaitbridge.data.importers import gait3d
from gaitbridge.data.importers._arrays import parsing, silhouettes
from gaitbridge.data.importers._dataset import Arrays, Place, Reading

DATASET = replace(
    gait3d.DATASET,
    name="Gait3D-Parsing",
    citation="Zheng, Liu, Wang, Wang, Yan, Liu: Parsing is All You Need for Accurate Gait Recognition in the Wild. ACM Multimedia 2023",
    apply="https://gait3d.github.io/gait3d-parsing-hp/",
    licence="Gait3D-Parsing: research only, by agreement with its owners (Hangzhou Dianzi University and JD Explore Academy)",
    layout="0000/camid0_videoid2/seq0/seq0.pkl",
    fields=("parsing", "silhouettes"),
    sequences={},
)
named = gait3d.named


def read(reading: Reading) -> Arrays:
    """`parsing` of the first tree, and `silhouettes` of the second where they have its frames: the two are cut from the pictures each for itself."""
    first, *others = reading.place.folders
    path = _file(reading.place, first)
    if path is None:
        raise reading.missing("parsed bodies", f"{reading.place.view}.pkl")
    arrays = {"parsing": parsing(reading.value(path), path)}
    beside = next((found for folder in others if (found := _file(reading.place, folder)) is not None), None)
    if beside is not None and reading.wants("silhouettes"):
        made = silhouettes(reading, beside)
        if len(made) == len(arrays["parsing"]):
            arrays["silhouettes"] = made
        else:
            reading.note("silhouettes with other frames than the parsed bodies, left out", beside)
    return {name: array for name, array in arrays.items() if reading.wants(name)}


def _file(place: Place, folder: Path) -> Path | None:
    return replace(place, folders=(folder,)).file(f"{place.view}.pkl", f"sils-{place.view}.pkl")
