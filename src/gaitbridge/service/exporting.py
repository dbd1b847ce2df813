"""All that is held of a person, in one file for them: templates and log as the gallery exports them, the service's answers and pictures."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gaitbridge.files import workplace
from gaitbridge.service.intents import marks
from gaitbridge.service.showing import tracks_showing
from gaitbridge.service.state import State

PICTURES = (".png", "-strip.png")
READ_ME = """What a gait recognition service holds of one person.

gallery.npz         templates (vectors: float32, a row each) and `document`, JSON: where they came from, the log, what was put right by hand
answers.json        recordings in which they were named, or of which templates were made, with the answers
walks/JOB-TRACK*    what was seen of them there: pictures, and .walk, the silhouettes or range views and embeddings
"""


@contextmanager
def export(state: State, person: str) -> Iterator[Path]:
    """A .zip of what is held of a person, gone when the block ends. Unknown of an unknown one."""
    names, templates = state.gallery.known_as(person)
    with workplace(state.folder / "export") as folder:
        state.gallery.export(folder / "gallery.npz", person)
        tracks = tracks_showing(state.database, names, templates)
        with zipfile.ZipFile(folder / "person.zip", "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("README.txt", READ_ME)
            made.write(folder / "gallery.npz", "gallery.npz")
            made.writestr("answers.json", json.dumps(_answers(state, names, tracks), indent=1, ensure_ascii=False))
            for job, track in tracks:
                for file in state.kept.files_of(job, track):
                    made.write(file, f"walks/{job}-{file.name}")
        yield folder / "person.zip"


def _answers(state: State, names: list[str], tracks: list[tuple[str, str]]) -> dict[str, Any]:
    """What was said of them, without what was said of others."""
    found = []
    with state.database.reading() as connection:
        for job, track in tracks:
            row = connection.execute("SELECT answer, answered_s FROM tracks WHERE job = ? AND id = ?", (job, track)).fetchone()
            if row is not None:
                answer = json.loads(row["answer"])
                hits = [hit for hit in answer.get("hits", []) if hit.get("person") in names]
                found.append({**answer, "job": job, "track": track, "answered_s": row["answered_s"], "hits": hits})
        jobs = sorted({job for job, _ in tracks})
        rows = connection.execute(f"SELECT id, kind, received_s, finished_s, options FROM jobs WHERE id IN ({marks(jobs)})", jobs).fetchall()
    return {"names": names, "answers": found, "recordings": [dict(row) | {"options": json.loads(row["options"])} for row in rows]}
