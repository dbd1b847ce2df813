"""A copy made while a service runs comes back whole, without those who were forgotten since."""

import json
import shutil
from pathlib import Path

import pytest
from gallery_people import embeddings, files_with, walks
from service_made import key_of, made_state

from gaitbridge.errors import StoreError, UserError
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.service.backup import backup, restore
from gaitbridge.service.database import Database
from gaitbridge.service.keys import Key, Keys


def test_what_was_copied_comes_back_without_the_forgotten(tmp_path: Path) -> None:
    state = made_state(tmp_path)
    key, place = key_of(state, name="gate"), state.gallery.place
    template = state.gallery.person("ben")[0].id
    with state.database.writing() as connection:
        for job, who, named in (("a" * 32, "ben", True), ("b" * 32, "cleo", True), ("c" * 32, "ben", False)):
            connection.execute("INSERT INTO jobs (id, kind, state, caller, options, bytes, content, received_s) VALUES (?, 'film', 'done', 'gate', "
                               "'{}', 1, 'c', 1.0)", (job,))
            connection.execute("INSERT INTO tracks (job, id, outcome, decision, answer, answered_s) VALUES (?, ?, ?, ?, ?, 1.0)",
                               (job, job, "named" if named else "nobody", who if named else None, json.dumps({"decision": who if named else None})))
            if not named:  # but a template was made of it
                connection.execute("INSERT INTO sources VALUES (?, ?, ?)", (template, job, job))
            (state.folder / "results" / job).mkdir(parents=True, exist_ok=True)
            (state.folder / "results" / job / f"{job}.png").write_bytes(f"picture of {who}".encode())
    assert backup(place, tmp_path / "copy") > 1000
    with pytest.raises(UserError, match="exists already"):
        backup(place, tmp_path / "copy")
    state.gallery.enrol(embeddings(["dora"]), walks(["dora"], tag="d"))  # after the copy
    state.gallery.forget("ben")
    log = tmp_path / "audit.jsonl"
    shutil.copy(Path(place) / "audit.jsonl", log)

    with pytest.raises(UserError, match="exists already"):
        restore(tmp_path / "copy", place)
    assert restore(tmp_path / "copy", str(tmp_path / "all")) == 0
    assert set(Gallery(tmp_path / "all").people()) == {"Zoë", "ben", "cleo"}
    assert restore(tmp_path / "copy", str(tmp_path / "again"), log=log) == 1
    again = Gallery(tmp_path / "again")
    assert set(again.people()) == {"Zoë", "cleo"}
    assert again.check()["templates"] == 4
    assert again.calibration() is not None
    database = Database(tmp_path / "again" / "service" / "service.db")
    assert isinstance(Keys(database).slow(key), Key)
    with database.reading() as connection:
        assert [row["decision"] for row in connection.execute("SELECT decision FROM tracks")] == ["cleo"]
    database.scrub()
    assert not [file for file in files_with(tmp_path / "again", b"ben") if not file.endswith("audit.jsonl")]
    assert restore(tmp_path / "copy", str(tmp_path / "apart"), state=tmp_path / "own", log=log) == 1
    assert (tmp_path / "own" / "service.db").is_file()
    assert not (tmp_path / "apart" / "service").exists()


def test_half_a_copy_is_none(tmp_path: Path) -> None:
    state = made_state(tmp_path)
    backup(state.gallery.place, tmp_path / "copy")
    (tmp_path / "copy" / "backup.json").unlink()
    with pytest.raises(StoreError, match=r"backup\.json cannot be read"):
        restore(tmp_path / "copy", str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()
    with pytest.raises(UserError, match="by the server's own means"):
        backup("milvus://localhost:1/x", tmp_path / "c")
