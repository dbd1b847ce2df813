"""Commands that take a run elsewhere: export."""

from pathlib import Path

from gaitbridge.cli._app import app, say


@app.command
def export(run: Path, out: Path, *, data: Path | None = None) -> None:
    """Export a run to one ONNX file, checked against the run before it is kept; `gaitbridge.load` and the other commands take it like a run.

    Parameters
    ----------
    run
        Folder of the run.
    out
        The file to write, a .onnx.
    data
        The store whose sequences the file is checked on; by default the one that the run remembers, and noise where it is gone.
    """
    import json

    from gaitbridge.inference.export import export as write_onnx
    from gaitbridge.inference.session import load
    from gaitbridge.progress import progress
    from gaitbridge.store import Store

    model = load(run)
    if data is None and (run / "provenance.json").is_file():
        remembered = Path(json.loads((run / "provenance.json").read_text()).get("data", ""))
        data = remembered if (remembered / "store.json").is_file() else None
    with progress("export", "steps") as show:
        about = write_onnx(model, out, Store(data) if data else None, show)
    checked = ", ".join(f"{modality}: {on}" for modality, on in about["checked_on"].items())
    say(f"{out}: {' and '.join(about['modalities'])}, {about['distance']} distance, weights {about['weights_hash'][:12]}; "
        f"largest difference to the run {about['largest_relative_difference']:.1e} of the largest value, on {checked}")
