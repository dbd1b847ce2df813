"""Checkpoints of others: the tensors of a PyTorch file, read without running anything of it."""

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaitbridge.errors import UserError

LISTED = 30  # names a kind in an error message
ADVICE = "This file can still be loaded"  # how PyTorch begins it
WRAPPERS = ("module.", "_orig_mod.")  # that data-parallel training and compilation put before every name


def read_checkpoint(file: Path) -> tuple[dict[str, Tensor], int]:
    """The named tensors of a PyTorch file, on the CPU, and the step they were saved at (0 where it does not say).

    The file holds {"model": tensors by name, ...}, as the field's standard toolkit writes it, or the tensors by name alone. Only tensors and
    plain values are read (`weights_only`); UserError on a file that is missing, truncated, hostile or something else.
    """
    document = _load(file)
    model = document.get("model", document)
    if not isinstance(model, Mapping) or not model:
        raise UserError(f"{file} holds no tensors by name: give a checkpoint saved as {{'model': state_dict}}, or a state_dict")
    named: dict[str, Tensor] = {}
    for key, value in model.items():
        if problem := _problem(key, value):
            raise UserError(f"{file}: {problem}: give a checkpoint saved as {{'model': state_dict}}, or a state_dict")
        name = _unwrapped(key)
        if name in named:
            raise UserError(f"{file}: {name} is there twice, with and without a prefix: save the model again")
        named[name] = value.detach()
    step = document.get("iteration", 0)
    return named, step if isinstance(step, int) and 0 <= step < 10**12 else 0


def _load(file: Path) -> Mapping[Any, Any]:
    if not file.is_file():
        raise UserError(f"{file} is missing: give the checkpoint's .pt file")
    wrong = f"{file} is no checkpoint that can be read safely"
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as content:
                if sum(entry.file_size for entry in content.infolist()) > 2 * file.stat().st_size:  # PyTorch stores tensors as they are
                    raise UserError(f"{wrong} (its content is compressed, which PyTorch never does): get it again from where it was published")
        with warnings.catch_warnings(), torch.serialization.safe_globals(NUMBERS):
            warnings.simplefilter("ignore")  # of other pickle protocols: what cannot be read is an error below
            document = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:  # a damaged or hostile file may raise nearly anything while it is read
        raise UserError(f"{wrong} ({_reason(error)}): it is damaged, or holds more than tensors and plain values") from error
    if not isinstance(document, Mapping):
        raise UserError(f"{wrong} (it holds a {type(document).__name__}): give a checkpoint saved as {{'model': state_dict}}")
    return document


def _reason(error: Exception) -> str:
    """Why a file could not be read, in a few words, without what PyTorch advises to those who trust it."""
    text = str(error)
    if found := re.search(r"(?:GLOBAL|class|instantiate) [`'\"]?([\w.]+)", text):
        return f"it asks for {found[1]}"
    first = next(iter(text.strip().splitlines()), "")
    return type(error).__name__ if not first or ADVICE in text else first[:160]


class _NumberKind:
    """What a pickle says of NumPy's kind of a number. NumPy's own class is not used: the state of a hostile one reaches into memory."""

    def __init__(self, code: object = "", *_: object) -> None:
        self.code, self.order = str(code), "="

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.order = state[1]


def _number(kind: object, data: object = b"") -> bool | int | float:
    """A number of NumPy as a plain one."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(kind, _NumberKind) or not re.fullmatch(r"[biuf][1248]", kind.code) or not isinstance(raw, bytes):
        raise ValueError("it holds a number of NumPy of no plain kind")
    made: bool | int | float = np.frombuffer(raw, f"{kind.order.replace('|', '=')}{kind.code}", 1)[0].item()
    return made


NUMBERS: list[Any] = [(_NumberKind, "numpy.dtype"), (_number, "numpy.core.multiarray.scalar"), (_number, "numpy._core.multiarray.scalar")]


def _problem(key: object, value: object) -> str:
    """Why an entry is no named tensor of a network, or nothing."""
    if not isinstance(key, str):
        return f"an entry is named {str(key)[:60]!r}, which is no text"
    if not isinstance(value, Tensor):
        return f"{key} is a {type(value).__name__}, no tensor"
    if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.device.type != "cpu":
        return f"{key} is no plain tensor"
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():  # a few bytes that pretend to be many
        return f"{key} claims {list(value.shape)} but stores less"
    return ""


def _unwrapped(name: str) -> str:
    """A tensor's name without the prefixes of what the network was wrapped in."""
    for prefix in WRAPPERS * 2:
        name = name.removeprefix(prefix)
    return name


def listed(kind: str, entries: list[str]) -> str:
    """How many there are of a kind, and which: all, or the first `LISTED`."""
    more = f" and {len(entries) - LISTED} more" if len(entries) > LISTED else ""
    return f"{kind} ({len(entries)}): {', '.join(entries[:LISTED])}{more}"
