"""The command that writes what benchmarks with hidden identities ask for: submission."""

from pathlib import Path
from typing import Literal

from gaitbridge.cli._app import app, say


@app.command
def submission(site: Literal["grew", "hid"], embeddings: Path, out: Path, *, distance: Literal["euclidean", "cosine"] | None = None,
               rerank: Literal["none", "k-reciprocal"] = "none") -> None:
    """Write the file that a benchmark with hidden identities asks for, of the embeddings of its test. No score comes of it here.

    Parameters
    ----------
    site
        grew: for each probe its twenty nearest (videoId, rank1 to rank20). hid: for each probe the nearest (videoID, label).
    embeddings
        A .npz of `gaitbridge embed RUN STORE FILE.npz --split test`, or in the field's form, with the probes as the person `probe`.
    out
        The .csv to write, or a .zip with submission.csv in it.
    distance
        By default the one the file says it is meant for, else euclidean.
    rerank
        k-reciprocal: re-rank by shared neighbours (Zhong et al., CVPR 2017), with the k1 of the site's baseline (grew 20, hid 6).
    """
    from gaitbridge.evaluation.embedding.file import read_any
    from gaitbridge.evaluation.scoring.submission import SITES, answered, write_submission
    from gaitbridge.progress import progress

    file = read_any(embeddings)
    with progress("submission", "probes") as show:
        rows = answered(file, site, distance, rerank != "none", show)
    write_submission(rows, site, out)
    say(f"{out}: {len(rows):,} probes, the {SITES[site].ranks} nearest of each" + (", re-ranked" if rerank != "none" else ""))
