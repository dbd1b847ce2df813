"""Commands that take a run elsewhere: export."""

from pathlib import Path
from typing import Literal

from gaitbridge.cli._app import app, say


@app.command
def export(run: Path, out: Path, *, sensor: Literal["camera", "lidar"] | None = None, data: Path | None = None, int8: bool = False) -> None:
    """Export a run to an ONNX file or to OpenVINO, checked before it is kept; `gaitbridge.load` and other commands take it like a run.

    Parameters
    ----------
    run
        Folder of the run.
    out
        The file to write: a .onnx, or an .xml for OpenVINO, which comes with a .bin of the same name.
    sensor
        Write a file of this sensor alone, with the plain names that docs/export.md promises: what a service without Gaitbridge runs. By default a run
        of camera and LiDAR is one file of both, which `evaluate` and galleries take.
    data
        The store whose sequences the file is checked on; by default the one that the run remembers, and noise where it is gone.
    int8
        Convolutions by bytes, fitted to walks of the store: faster, a little less accurate, and a network of its own to a gallery.
    """
    from gaitbridge.cli._gallery import modalities_of
    from gaitbridge.inference.export import export as write
    from gaitbridge.inference.loading import load
    from gaitbridge.progress import progress
    from gaitbridge.run_documents import remembered_store
    from gaitbridge.store import Store

    model = load(run)
    data = data or remembered_store(run)
    with progress("export", "steps") as show:
        about = write(model, out, Store(data) if data else None, show, int8, modalities=modalities_of(model, sensor))
    checked = ", ".join(f"{modality}: {on}" for modality, on in about["checked_on"].items())
    moved = f" (bytes move walks by {about['share_of_spread']:.1%} of their distance from others; least cosine {about['least_cosine']:.4f})"
    say(f"{out}: {about['precision']}, {' and '.join(about['modalities'])}, {about['distance']} distance, weights {about['weights_hash'][:12]}; "
        f"largest difference to the run {about['largest_relative_difference']:.1e} of the largest value{moved if int8 else ''}, on {checked}")
