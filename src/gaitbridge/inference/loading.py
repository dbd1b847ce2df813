"""The one way to open what embeds: `gaitbridge.load` of a run's folder, of an exported file, or of a model that comes along, by its name."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import torch

from gaitbridge.errors import UserError, nearest
from gaitbridge.inference import shipped
from gaitbridge.inference.flips import Flips
from gaitbridge.inference.session import Model

if TYPE_CHECKING:
    from gaitbridge.gallery.gallery import Gallery

WHICH, DEVICES, WAYS = ("best", "last"), ("cpu", "cuda", "mps"), get_args(Flips)


def load(run: Path | str, which: str = "best", device: str = "cpu", fast: bool = True, digits: bool = False, flips: Flips | None = None) -> Model:
    """The model of a run folder: its best checkpoint on the validation people, `which="last"`, or that of a step that was to be kept
    (`keep_at`), `which="1400"`; or of an exported file, .onnx or .xml; or a model that comes along, such as "cross-modal" (docs/models.md).

    fast: on a CPU, embed by the folded network once it has agreed with the plain one (inference/fast.py); digits: by whole numbers of two
    digits where the processor sums bytes exactly and that was measured to be faster, 1e-4 off; flips: none, average or concatenate, whether walks are
    seen mirrored as well, by default as the run's setting says. UserError where there is none, or no such device.
    """
    if which not in WHICH and not which.isdecimal():
        raise UserError(f"no checkpoint {which!r}: {nearest(which, WHICH)}")
    if flips is not None and flips not in WAYS:
        raise UserError(f"no way to flip {flips!r}: {nearest(flips, WAYS)}")
    _check_device(device)
    if Path(run).suffix in (".onnx", ".xml"):
        from gaitbridge.inference.exported import ExportedModel

        exported = ExportedModel(Path(run))
        if flips not in (None, exported.flips):
            raise UserError(f"{run} was exported with flips={exported.flips}: export the run anew, or leave flips out")
        return exported
    folder = shipped.folder_of(run)
    if not folder.exists():
        raise UserError(f"{run} is neither a run nor a model that comes along ({', '.join(shipped.names())}): give a run's folder, or train one with "
                        f"`gaitbridge train RECIPE --data STORE --out {run}`")
    return Model(folder, which, device, fast, digits, flips)


def run_of(gallery: "Gallery", model: Path | None = None) -> Model:
    """The model of a gallery: of the run whose path it keeps, or `model` where that was moved. UserError where it is another one's or gone."""
    folder = shipped.folder_of(model) if model else shipped.noted(gallery.about.get("model", ""))
    if not (folder / "config.json").is_file() and not folder.is_file():
        raise UserError(f"the run of {gallery.place} is not at {folder}: say where it is with --model RUN")
    run = load(folder)
    if run.weights_hash != gallery.weights_hash:
        raise UserError(f"{gallery.place} holds templates of another network (weights {gallery.weights_hash}, {folder} has {run.weights_hash}): give "
                        "its run with --model, or enrol everybody anew in a gallery of this one")
    return run


def _check_device(device: str) -> None:
    """UserError where there is no such device, or PyTorch cannot use it here."""
    kind, _, number = str(device).partition(":")
    if kind not in DEVICES or (number and not number.isdecimal()):
        raise UserError(f"unknown device {device!r}: {nearest(str(device), DEVICES)}")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[kind]
    if int(number or 0) >= there:
        raise UserError(f"there is no device {device!r} here that PyTorch can use ({there} of the kind {kind}): take cpu")
