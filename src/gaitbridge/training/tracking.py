"""What a run writes down while it trains: log.jsonl, TensorBoard, and where it came from."""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gaitbridge
from gaitbridge import machine, plugins
from gaitbridge.files import written_whole
from gaitbridge.run_documents import read_log


def provenance(**known: Any) -> dict[str, Any]:
    """What was run with which version on what machine."""
    import torch

    source = Path(__file__).parent
    git = subprocess.run(["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=False)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    hardware = {"cpu": machine.processor_name(), "units": machine.processor_units(), "switches": machine.switches(), "cores": machine.cores(),
                "gpu": gpu}
    return {"command": " ".join(["gaitbridge", *sys.argv[1:]]), "code_version": gaitbridge.__version__, "commit": git.stdout.strip() or None,
            "python": platform.python_version(), "torch": torch.__version__, "hardware": hardware,
            "started": time.strftime("%Y-%m-%d %H:%M:%S %z"), **({"plugins": plugins.used()} if plugins.used() else {})} | known


class Log:
    """log.jsonl and TensorBoard of a run. Opened at step `resumed`, it first drops what was written after it."""

    def __init__(self, run: Path, resumed: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = run / "log.jsonl"
        kept = [line for line in read_log(run) if line["step"] <= resumed] if resumed else []
        with written_whole(self.path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        self.file = self.path.open("a", buffering=1, encoding="utf-8")
        self.board = SummaryWriter(str(run / "tensorboard"), purge_step=resumed or None)

    def write(self, kind: str, step: int, scalars: dict[str, float], **fields: Any) -> None:
        """One line, and its scalars to TensorBoard."""
        self.file.write(json.dumps({"kind": kind, "step": step} | fields, allow_nan=True) + "\n")
        for name, value in scalars.items():
            self.board.add_scalar(f"{kind}/{name}", value, step)

    def settle(self) -> None:
        """See that the lines so far are on the disk."""
        os.fsync(self.file.fileno())

    def close(self) -> None:
        """Flush both."""
        self.file.close()
        self.board.close()
