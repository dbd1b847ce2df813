"""A service in a process of its own, for a test that kills it: FOLDER PLACE. PLACE names where it stops and waits to be killed, of `PLACES`."""

import sys
import time
from pathlib import Path
from typing import Any

from service_made import key_of, made_state

from gaitbridge.files import alone, written_whole
from gaitbridge.service import answers, jobs, kept
from gaitbridge.service.app import create_app
from gaitbridge.service.listening import listen

PLACES = {"before the queue": (jobs, "add"), "in the queue": (jobs, "begin"), "begun": (answers, "read_recording"),
          "answered": (jobs, "finish"), "kept": (kept.Kept, "drop_upload")}  # fmt: skip


def main(folder: Path, place: str) -> None:
    """Serve until killed."""
    if place:
        owner, name = PLACES[place]

        def stop(*_: Any, **__: Any) -> None:
            (folder / "stopped").touch()
            time.sleep(600)

        setattr(owner, name, stop)


    def ready(address: str) -> None:
        with written_whole(folder / "address") as temporary:
            temporary.write_text(f"{address} {key}", encoding="utf-8")

    state = made_state(folder, *["ben"] * 20)
    key = key_of(state)
    with alone(state.folder):
        listen(create_app(state), "127.0.0.1", 0, ready)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
