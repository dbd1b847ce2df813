"""Nothing is kept longer than agreed: templates and what could be undone, by the gallery; recordings, answers and strangers, by the service."""

import time

from gaitbridge.gallery import audit
from gaitbridge.names import canonical
from gaitbridge.service.intents import left
from gaitbridge.service.kept import drop_jobs
from gaitbridge.service.people import carry_on
from gaitbridge.service.showing import drop_tracks, forget_here
from gaitbridge.service.state import State
from gaitbridge.service.unknown import DAY_S, expired

AT_ONCE = 100  # recordings that are let go at a time


def apply(state: State) -> dict[str, int]:
    """Remove all that is due now; how much of each kind."""
    if left(state.database):
        carry_on(state)
    return {"templates": state.gallery.expire(), "recordings": _recordings(state), "strangers": _strangers(state), "gone": _gone(state)}


def _recordings(state: State) -> int:
    before_s, count = time.time() - max(state.settings.keep_days, 1) * DAY_S, 0
    while True:
        with state.database.reading() as connection:
            rows = connection.execute("SELECT id FROM jobs WHERE state IN ('done', 'failed') AND finished_s <= ? ORDER BY number LIMIT ?",
                                      (before_s, AT_ONCE)).fetchall()
        if not rows:
            return count
        audit.note(state.gallery.index, "expire", recordings=len(rows))
        drop_jobs(state.database, state.kept, [row["id"] for row in rows])
        count += len(rows)


def _strangers(state: State) -> int:
    tracks = expired(state)
    if tracks:
        audit.note(state.gallery.index, "expire", strangers=len(tracks))
        drop_tracks(state.kept, tracks)
    return len(tracks)


def _gone(state: State) -> int:
    """Answers that name people whom the gallery does not know any more: they expired, or were forgotten by the command line."""
    with state.database.reading() as connection:
        named = [row["decision"] for row in connection.execute("SELECT DISTINCT decision FROM tracks WHERE decision IS NOT NULL")]
    there = state.gallery.names(named, undone=True)
    gone = [name for name in named if canonical(name) not in there]
    if not gone:
        return 0
    audit.note(state.gallery.index, "expire", answers=len(gone))
    return forget_here(state.database, state.kept, gone, [])
