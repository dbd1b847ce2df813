"""The one way to open what embeds: `gaitbridge.load` of a run's folder or of an exported file."""

from pathlib import Path

from gaitbridge.inference.session import Model


def load(run: Path | str, which: str = "best", device: str = "cpu", fast: bool = True, digits: bool = False) -> Model:
    """The model of a run folder: its best checkpoint on the validation people, or `which="last"`; or of an exported file, .onnx or .xml.

    fast: on a CPU, embed by the folded network once it has agreed with the plain one (inference/fast.py); digits: by whole numbers of two
    digits where the processor sums bytes exactly and that was measured to be faster, 1e-4 off. UserError where there is none.
    """
    if Path(run).suffix in (".onnx", ".xml"):
        from gaitbridge.inference.exported import ExportedModel

        return ExportedModel(Path(run))
    return Model(Path(run), which, device, fast, digits)
