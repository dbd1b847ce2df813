"""Nothing is kept longer than agreed: templates and what could be undone, by the gallery; recordings, answers and strangers, by the service."""

import time
from collections.abc import Sequence

from gaitbridge.gallery import audit
from gaitbridge.names import canonical
from gaitbridge.service.intents import begin
from gaitbridge.service.kept import drop_jobs
from gaitbridge.service.people import carry_on
from gaitbridge.service.showing import drop_tracks, evidence_of, forget_here, names_here, rename_here
from gaitbridge.service.state import State
from gaitbridge.service.unknown import DAY_S, expired

AT_ONCE = 100  # recordings that are let go at a time


def apply(state: State) -> dict[str, int]:
    """Remove all that is due now; how much of each kind."""
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
    """Answers that name people whom the gallery does not know by that name any more: renamed by the command line they get the new one; those who
    expired, or were forgotten by it, leave them. Evidence in answers about others is looked through when the gallery has changed."""
    version = state.gallery.index.version()
    named = names_here(state.database, evidence=version is None or version != state.looked_at)
    there, count = state.gallery.names(named), 0
    if missing := [name for name in named if canonical(name) not in there]:
        _follow(state, missing)
        missing = [name for name in names_here(state.database) if name in missing]
        there = state.gallery.names(missing, undone=True)
    if gone := [name for name in missing if canonical(name) not in there]:
        audit.note(state.gallery.index, "expire", answers=len(gone))
        count = forget_here(state.database, state.kept, gone, [])
    state.looked_at = version if len(gone) == len(missing) else None  # others may come back, or not: looked at again
    return count


def _follow(state: State, missing: Sequence[str]) -> None:
    """Give those who are called otherwise now their new name: all templates by which they were known are one other person's. Not where that was done
    by moving or dropping templates, and can be undone: then they may come back."""
    back = {change.before for change in state.gallery.changes() if change.what in ("move", "drop")}
    first = {name: names[0] for names in state.gallery.links() for name in names}
    for name in missing:
        owners = set() if name in back else {first.get(one, one) for one in state.gallery.enrolled(evidence_of(state.database, name)).values()}
        if len(owners) == 1:
            after = owners.pop()
            rename_here(state.database, name, after, begin(state.database, "rename", before=name, after=after))
