"""Commands that embed: embed."""

import os
from pathlib import Path
from typing import Literal

from gaitbridge.cli._app import FlipsOf, PartOf, app, say
from gaitbridge.cli._parts import say_waiting
from gaitbridge.errors import UserError
from gaitbridge.files import check_out


@app.command
def embed(model: Path, store: Path, out: Path, *, modality: str | None = None, split: Literal["train", "val", "test"] | None = None,
          device: str | None = None, fast: bool = True, digits: bool = False, flips: FlipsOf = None, part: PartOf = None) -> None:
    """Embed the sequences of a store to a file. Stopped, the same command goes on; under torchrun each process, on any machine, does its share.

    Parameters
    ----------
    model
        Folder of a run, or an exported .onnx file.
    store
        The store.
    out
        The file to write, a .npz; `gaitbridge score` and `gaitbridge compare` read it.
    modality
        camera, lidar or another that the network takes; needed where it takes several.
    split
        Only these people.
    device
        cpu or cuda; by default a GPU where there is one.
    fast
        Take the folded network on a CPU once it agreed with the plain one.
    digits
        Let wide convolutions on a CPU go by whole numbers of two digits where that is exact enough and measured to be faster: 1e-4 off. Not for
        numbers to publish.
    flips
        See each walk mirrored as well, and average both embeddings or concatenate their channels; by default as the run's setting `flips` says.
        Embeddings of one way do not compare with those of another.
    part
        K/N: only part K of N, for many machines; by default the task of a SLURM array. Whoever finishes last writes the file.
    """
    import torch

    from gaitbridge.evaluation.embedding.from_store import modality_name
    from gaitbridge.evaluation.embedding.in_parts import embed_in_parts
    from gaitbridge.inference.loading import load
    from gaitbridge.parts import WHOLE, chosen
    from gaitbridge.progress import progress, silent
    from gaitbridge.store import Store

    if out.suffix != ".npz":
        raise UserError(f"{out} must end in .npz")
    check_out(str(out), out)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    share = (chosen(part) or WHOLE).within(rank, world)
    place = device or (f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu")
    opened, network = Store(store), load(model, device=place, fast=fast, digits=digits, flips=flips)
    if modality is None and len(network.modalities) > 1:
        raise UserError(f"{model} takes {' and '.join(network.modalities)}: say which with --modality")
    name = modality_name(modality) if modality else network.modalities[0]
    if name not in network.inputs:
        raise UserError(f"{model} does not take {name}: it takes {' or '.join(network.modalities)}")
    numbers = opened.select(split=split)
    with progress(f"embed {name.replace('_', ' ')}", "parts") as show:
        missing = embed_in_parts(network.embed_stored, opened, numbers, name, out, {"run": str(model), "flips": network.flips}, network.weights_hash,
                                 inputs=network.inputs[name], share=share, progress=show if rank == 0 else silent)
    if missing:
        say_waiting(out, share)
    else:
        say(f"{out}: {name} of {store}, weights {network.weights_hash[:12]}")
