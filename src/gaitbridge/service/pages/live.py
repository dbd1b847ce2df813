"""The walks that were answered last, whatever recording they came from."""

import json
from typing import Any

from gaitbridge.service.pages.asking import part
from gaitbridge.service.pages.recordings import walker
from gaitbridge.service.state import State

LATEST = 50


def latest(state: State) -> list[dict[str, Any]]:
    """The last walks answered, the newest first, as the template live.html shows them."""
    with state.database.reading() as connection:
        rows = connection.execute("SELECT job, id, answer, answered_s FROM tracks ORDER BY number DESC LIMIT ?", (LATEST,)).fetchall()
    return [walker(row["job"], {"id": row["id"]} | json.loads(row["answer"])) | _event(row["job"], row["id"], row["answered_s"]) for row in rows]


def _event(job: str, track: str, answered_s: float) -> dict[str, Any]:
    """When it was answered, and where it came from."""
    return {"answered": answered_s, "event": f"walk-{job}-{track}", "recording": f"/recordings/{part(job)}#walk-{track}"}
