"""What a protocol sees of a file of embeddings: fields of its rows, and which rows are of which sensor."""

from __future__ import annotations

import numpy as np

from gaitbridge.data.protocols import IN_PROBE_SET, Protocol
from gaitbridge.data.protocols.partition import ProbeSet, probes_by_view_name
from gaitbridge.data.protocols.rules import fields_of_type
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import EmbeddingsFile

SENSORS = ("camera", "lidar")


def columns_of_file(file: EmbeddingsFile, protocol: Protocol, partition: ProbeSet | None) -> tuple[dict[str, np.ndarray], list[str]]:
    """The fields that a protocol looks at, of a file, and notes. Where the file does not say who is for the test, every sequence counts as one of it.

    UserError where the protocol needs a partition.
    """
    notes: list[str] = []
    columns = {"key": file.keys, "person": file.people, "type": file.types, "view": file.views, "split": np.full(len(file), "test")}
    if (file.labels.get("splits", columns["split"]) == "test").any():
        columns["split"] = file.labels.get("splits", columns["split"])
    if "view_start" in protocol.fields:
        kinds, number = np.unique(file.views, return_inverse=True)
        columns["view_start"] = np.asarray([str(view).split("_")[0] for view in kinds])[number]
    if {"condition", "take"} & protocol.fields:
        kinds, number = np.unique(file.types, return_inverse=True)
        said = [fields_of_type(str(kind)) for kind in kinds]
        columns["condition"] = file.labels.get("conditions", np.asarray([condition for condition, _ in said])[number])
        columns["take"] = file.labels.get("takes", np.asarray([take for _, take in said])[number])
    if IN_PROBE_SET in protocol.fields:
        if partition is not None:
            columns[IN_PROBE_SET] = partition.holds(columns["key"])
        elif "in_probe_set" in file.labels:
            columns[IN_PROBE_SET] = file.labels["in_probe_set"]
        elif (found := probes_by_view_name(file.views)) is not None:
            columns[IN_PROBE_SET] = found
            notes.append("no partition given: sequences whose view ends in _g and a number are the gallery, the others the probes")
        else:
            raise UserError(
                f"{file.path}: protocol {protocol.name!r} takes its probes from the dataset's partition; give its JSON, which has PROBE_SET, with "
                "--partition (or name the gallery's views with _g1, _g2 at the end)"
            )
    if partition is not None and partition.test:
        known = np.isin(file.people, np.asarray(sorted(partition.test)))
        columns["split"] = np.where(known, columns["split"], "")
        if not known.all():
            notes.append(f"{int((~known).sum())} sequences of people who are not in TEST_SET are left out")
    return columns, notes


def directions_of(probes: EmbeddingsFile, gallery: EmbeddingsFile | None, protocol: Protocol, asked: tuple[str, str]) -> list[tuple[str, str]]:
    """The (probe, gallery) sensors to score; an empty name where the file does not say whose its rows are.

    gallery: the gallery's own file; asked: the sensor wanted for each side, empty for any. UserError where a side has not what is asked,
    or it stays open who is camera and who LiDAR.
    """
    files = (probes, gallery or probes)
    held = [sorted(set(file.modalities.tolist()) - {""}) for file in files]
    for side, file, known, wanted in zip(("probe", "gallery"), files, held, asked, strict=True):
        if wanted and wanted not in known and (known or gallery is None):
            has = ", ".join(known) or "no array `modalities`"
            raise UserError(f"{file.path} has no {wanted} for the {side} (it holds {has}); choose another sensor, or another file")
    options = [[wanted] if wanted else known or [""] for known, wanted in zip(held, asked, strict=True)]
    if not protocol.crossed:
        if any(len(known) > 1 for known in options):
            file = files[len(options[0]) < 2]
            raise UserError(
                f"{file.path} holds camera and LiDAR: choose with --probe-modality and --gallery-modality, or take a protocol across sensors"
            )
        return [(options[0][0], options[1][0])]
    if gallery is None and len(held[0]) < 2:
        raise UserError(
            f"{probes.path}: protocol {protocol.name!r} compares camera with LiDAR; add an array `modalities` of camera and lidar to the file, or "
            "give the gallery's own file with --gallery"
        )
    kept = [(one, other) for one in options[0] for other in options[1] if one != other or not one]
    if not kept:
        raise UserError(
            f"{files[0].path} and {files[1].path}: protocol {protocol.name!r} compares camera with LiDAR, but both sides are {options[0][0]}"
        )
    return kept
