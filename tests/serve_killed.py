"""A service in a process of its own, for a test that kills it: it stops at one of `PLACES` and waits for that."""

import time
from pathlib import Path
from typing import Any

from service_made import key_of, made_state

from gaitbridge.files import alone, written_whole
from gaitbridge.service import jobs, kept
from gaitbridge.service.app import create_app
from gaitbridge.service.listening import listen
from gaitbridge.service.reaching import Reach

PLACES = {"before the queue": (jobs, "add"), "in the queue": (jobs, "begin"), "answered": (jobs, "finish"), "kept": (kept.Kept, "drop_upload")}


def serve(folder: Path, place: str) -> None:
    """Serve until killed. FOLDER/address: where, and a key; FOLDER/stopped: it has come to the place."""
    def stop(*_: Any, **__: Any) -> None:
        (folder / "stopped").touch()
        time.sleep(600)

    def ready(address: str) -> None:
        with written_whole(folder / "address") as temporary:
            temporary.write_text(f"{address} {key}", encoding="utf-8")

    if place:
        setattr(*PLACES[place], stop)
    state = made_state(folder, *["ben"] * 20)
    key = key_of(state)
    with alone(state.folder):
        listen(create_app(state), Reach(), 0, ready)
