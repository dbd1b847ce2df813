"""The service of a benchmark's gallery, in a process of its own; its network takes no time."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx2 as httpx
import numpy as np

from benchmarks.gallery import CLUSTER, WEIGHTS, made
from benchmarks.service_walk import AGAIN, number_of
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.inference.session import Model
from gaitbridge.types import Embeddings


class Network:
    """Takes silhouettes and no time. Each number of `service_walk.silhouettes` is a person of its own, like nobody else."""

    modalities, inputs, distance, weights_hash, run = ("silhouettes",), {"silhouettes": ("silhouettes",)}, "euclidean", WEIGHTS, "run"
    network = SimpleNamespace(config=SimpleNamespace(size=(64, 44)))

    def embed_stored(self, **arrays: list[np.ndarray]) -> Embeddings:
        """One for each walk."""
        values = [embedding_of(number_of(one)).values for one in arrays["silhouettes"]]
        return Embeddings(np.concatenate(values), "euclidean", "silhouettes", WEIGHTS)

    embed = embed_stored


def embedding_of(number: int) -> Embeddings:
    """What the network sees in a recording of that number."""
    return made([CLUSTER * (number + 10_000)], AGAIN + number)


def serve(folder: Path) -> None:
    """The service in this process, until it is killed; its address and a key on standard output."""
    from gaitbridge.files import alone
    from gaitbridge.service.app import create_app
    from gaitbridge.service.keys import SCOPES
    from gaitbridge.service.listening import listen
    from gaitbridge.service.reaching import Reach
    from gaitbridge.service.state import ServiceSettings, State

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    state = State(Gallery(folder / "gallery"), cast(Model, Network()), folder / "state", ServiceSettings(reject=0.2, people="movement"))
    if "bench" in {key.name for key in state.access.keys.all()}:
        state.access.keys.revoke("bench")
    key = state.access.keys.add("bench", SCOPES, per_minute=1_000_000)
    with alone(state.folder):
        listen(create_app(state), Reach(), 0, lambda address: print(address, key, os.getpid(), flush=True))


def _end_with(parent: int) -> None:
    """End this process when who began it has gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class Reached:
    """A service that runs. address, key: as it said them; pid: its process."""

    def __init__(self, address: str, key: str, pid: int) -> None:
        self.address, self.key, self.pid = address, key, pid

    def client(self) -> httpx.Client:
        """A connection with the key."""
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {self.key}"}, timeout=120)

    def processor_s(self) -> float:
        """Seconds of the processor that the process has used."""
        words = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Resident memory of the process."""
        words = Path(f"/proc/{self.pid}/status").read_text().split("VmRSS:")[1].split()
        return int(words[0]) / 1024

    def open_files(self) -> int:
        """Files and connections that the process holds open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


class Served(Reached):
    """The service in a process that is begun here."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, "-m", "benchmarks.service", "serve", str(folder.resolve())]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        assert self.process.stdout is not None
        address, key, pid = self.process.stdout.readline().split()
        super().__init__(address, key, int(pid))

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal."""
        self.process.send_signal(number)
        self.process.wait()
