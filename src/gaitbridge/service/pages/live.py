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
    return [walker(row["job"], {"id": row["id"]} | json.loads(row["answer"]))
            | {"answered": row["answered_s"], "recording": f"/recordings/{part(row['job'])}"} for row in rows]
