"""Commands about scoring: score, protocols."""

from pathlib import Path
from typing import Literal

from gaitbridge.cli._app import app, say


@app.command
def score(
    embeddings: Path,
    *,
    protocol: str,
    distance: Literal["euclidean", "cosine"] | None = None,
    rounding: Literal["published", "exact"] = "published",
    gallery: Path | None = None,
    partition: Path | None = None,
    probe_modality: Literal["camera", "lidar"] | None = None,
    gallery_modality: Literal["camera", "lidar"] | None = None,
    rerank: Literal["none", "k-reciprocal"] = "none",
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Score a file of embeddings under a protocol: the numbers of the field's standard toolkit, and the exact ones beside them.

    Parameters
    ----------
    embeddings
        A .npz with `embeddings` [n, C, K], `labels`, `types`, `views` (and `modalities`), or one that `gaitbridge evaluate` wrote.
    protocol
        Who is compared with whom; `gaitbridge protocols` lists them.
    distance
        By default the one the file says it is meant for, else euclidean.
    rounding
        published: as the field's standard toolkit rounds on its way; exact: not at all. The exact numbers are given either way.
    gallery
        Take the gallery from this file, for two sensors in two files.
    partition
        The dataset's partition, a JSON with PROBE_SET, for protocols that take their probes from it.
    probe_modality, gallery_modality
        Take only rows of this sensor, where the file says whose they are.
    rerank
        k-reciprocal: re-rank by shared neighbours (Zhong et al., CVPR 2017; k1 20, k2 6, lambda 0.3).
    json
        Print one JSON document instead of tables.
    out
        Write the JSON document to this file, too.
    """
    import json as form

    from gaitbridge.data.protocols import load_protocol
    from gaitbridge.data.protocols.partition import read_probe_set
    from gaitbridge.evaluation.embeddings_file import read_any
    from gaitbridge.evaluation.score_document import document
    from gaitbridge.evaluation.score_file import Request, score_file
    from gaitbridge.progress import progress
    from gaitbridge.store import write_json

    rule = load_protocol(protocol)
    probes = read_any(embeddings)
    others = None if gallery is None else read_any(gallery)
    kind = distance or ("cosine" if probes.about.get("distance") == "cosine" else "euclidean")
    with progress("score", "probes") as show:
        listed = None if partition is None else read_probe_set(partition)
        request = Request(rule, kind, others, listed, probe_modality or "", gallery_modality or "", None, show)
        directions, notes = score_file(probes, request)
    made = document(probes, request, rounding, directions, notes)
    if out is not None:
        write_json(made, out)
    if json:
        print(form.dumps(made, indent=1, allow_nan=False))
        return
    for name, value in made["metrics"].items():
        say(f"{name:24} {value}   {made['exact'][name]}")
