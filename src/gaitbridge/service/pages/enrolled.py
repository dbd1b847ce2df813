"""Which walkers of a recording are enrolled, and as whom."""

from gaitbridge.service.state import State


def enrolled_as(state: State, job: str) -> dict[str, str]:
    """The person as whom walks of a walker are enrolled now, by track."""
    with state.database.reading() as connection:
        rows = connection.execute("SELECT track, template FROM sources WHERE job = ?", (job,)).fetchall()
    there = state.gallery.enrolled([row["template"] for row in rows]) if rows else {}
    return {row["track"]: there[row["template"]] for row in rows if row["template"] in there}
