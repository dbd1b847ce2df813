"""What happens, as it happens: each walk as it is answered. For the page, for programs that listen, for the webhook."""

import json
from typing import Any

from gaitbridge.service.state import State

AT_ONCE = 100


def last(state: State) -> int:
    """The number of the newest event; 0 where there is none."""
    with state.database.reading() as connection:
        row = connection.execute("SELECT max(number) FROM tracks").fetchone()
    return int(row[0] or 0)


def after(state: State, number: int, most: int = AT_ONCE) -> list[dict[str, Any]]:
    """Events that came after one of them, by its number, oldest first. Those of the forgotten are gone."""
    with state.database.reading() as connection:
        rows = connection.execute("SELECT number, job, id, answer, answered_s FROM tracks WHERE number > ? ORDER BY number LIMIT ?",
                                  (number, most)).fetchall()
    return [json.loads(row["answer"]) | {"number": row["number"], "id": f"{row['job']}-{row['id']}", "job": row["job"], "track": row["id"],
                                         "answered_s": row["answered_s"]} for row in rows]


class Events:
    """Events as a webhook takes them: from a number on."""

    def __init__(self, state: State) -> None:
        self.state = state

    def end(self) -> int:
        """Where those begin that are still to come."""
        return last(self.state)

    def next(self, place: int) -> tuple[bytes, int] | None:
        """The one that comes after a place, as JSON, and its own place; None where there is none yet."""
        for event in after(self.state, place, 1):
            return json.dumps(event, ensure_ascii=False, allow_nan=False).encode(), int(event["number"])
        return None
