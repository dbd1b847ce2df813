"""Nothing acknowledged is lost: kills, several processes at a time, and full disks."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gallery_people import embeddings, files_with, make, walks

import gaitbridge.gallery.index.lancedb as embedded
from gaitbridge.errors import StoreError, UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.locks import append_line, locked
from gaitbridge.gallery.templates import Where, vectors_of

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent), *sys.path])}


def writer(place: Path, first: int, count: int) -> subprocess.Popen[str]:
    words = [sys.executable, str(HERE / "writer.py"), str(place), str(first), str(count)]
    return subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed_writers_lose_nobody_acknowledged(tmp_path: Path) -> None:
    place = tmp_path / "gallery"
    make(place)
    acknowledged: set[str] = set()
    random, killed = np.random.default_rng(0), 0
    for _ in range(8):
        process = writer(place, len(acknowledged), 1000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(float(random.uniform(0.0, 0.35)))  # wherever that is: the next lines hold for every place
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        said = process.stdout.read().split("\n")
        acknowledged |= {line for line in said[:-1] if line.startswith("w")}  # a line that is cut off acknowledges nothing
        gallery = Gallery(place)
        gallery.check()
        there = gallery.people()
        assert acknowledged <= set(there)
        assert all(len(rows) == 2 for rows in there.values()), "half a person was enrolled"
        acknowledged |= set(there)
    assert killed == 8
    assert acknowledged
    for name in sorted(acknowledged):
        again = Gallery(place).enrol(embeddings([name, name]), walks([name, name]))
        assert (again.added, again.known) == ({}, {name: 2})
    assert Gallery(place).purge() == 0
    assert not Gallery(place).check()["interrupted"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_a_known_place(tmp_path: Path, moment: str) -> None:
    """Right before and right after the table's commit; what the kill left is removed by the next writer."""
    place = tmp_path / "gallery"
    make(place).enrol(embeddings(["first"]), walks(["first"]))
    done = subprocess.run([sys.executable, "-c", KILLED, str(place), moment], env=ENVIRONMENT, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    gallery = Gallery(place)
    found = gallery.check()
    assert found["interrupted"]
    assert found["people"] == (1 if moment == "before" else 2)
    gallery.enrol(embeddings(["third"]), walks(["third"]))
    assert not gallery.check()["interrupted"]
    assert Gallery(place).enrol(embeddings(["second"]), walks(["second"])).added == ({"second": 1} if moment == "before" else {})


KILLED = """
import os, signal, sys
import gaitbridge.gallery.index.lancedb as embedded
from gaitbridge.gallery.gallery import Gallery
from gallery_people import embeddings, walks
place, moment = sys.argv[1:]
def die(*given): os.kill(os.getpid(), signal.SIGKILL)
if moment == "after":
    embedded.settle = die
else:
    embedded.as_table = die
Gallery(place).enrol(embeddings(["second"]), walks(["second"]))
"""


def test_of_a_writer_killed_amid_a_file_nothing_stays(tmp_path: Path) -> None:
    """LanceDB writes everybody's names and vectors under a name of its own; killed there, that file belongs to no version, and stays for good."""
    place, people = tmp_path / "gallery", [f"p{number}" for number in range(40)]
    enrolled = embeddings(people)
    make(place).enrol(enrolled, walks(people))
    half = sum(file.stat().st_size for file in (place / "templates.lance" / "data").iterdir()) // 2
    words = [sys.executable, "-c", KILLED_AMID, str(place), str(half)]
    assert subprocess.run(words, env=ENVIRONMENT, capture_output=True, timeout=120, check=False).returncode == -signal.SIGXFSZ
    (place / "writing").unlink()  # as a later writer of an older version of this program did, which left the rest
    vector = vectors_of(enrolled)[3].astype("<f4").tobytes()
    assert any(Path(file).name.startswith(".tmp") for file in files_with(place, vector[:64]))
    gallery = Gallery(place)
    assert gallery.check()["interrupted"]
    gallery.forget("p3")
    assert files_with(place, vector[:64]) == []
    assert not gallery.check()["interrupted"]
    assert set(gallery.people()) == set(people) - {"p3"}


KILLED_AMID = """
import resource, signal, sys
from gaitbridge.gallery.gallery import Gallery
gallery = Gallery(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
gallery.forget("p0")
"""


def test_a_creation_that_was_killed_is_made_anew(tmp_path: Path) -> None:
    place = tmp_path / "gallery"
    (place / "templates.lance" / "data").mkdir(parents=True)  # as one killed halfway left it before folders were made whole
    (place / "lock").touch()
    make(place).enrol(embeddings(["first"]), walks(["first"]))
    (place / "gallery.json").unlink()
    with pytest.raises(UserError, match="exists and is no gallery"):  # people are in it: it has lost its description, and is not made anew
        make(place)
    assert files_with(place, b"first")


def test_a_killed_index_leaves_nothing_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LanceDB sorts vectors on the disk, by its own choice in the system's temporary folder."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    seen: set[str] = set()
    place, people = tmp_path / "gallery", [f"p{number:03d}" for number in range(300)]
    gallery = make(place)
    gallery.enrol(embeddings(people), walks(people))
    index = embedded.ivf

    def watched(cells: int) -> object:
        seen.add(os.environ["TMPDIR"])
        return index(cells)

    monkeypatch.setattr(embedded, "ivf", watched)
    gallery.build_index()
    assert seen == {str(place / "working")}
    assert os.environ["TMPDIR"] == str(tmp_path / "tmp")
    assert os.listdir(tmp_path / "tmp") == []
    assert not (place / "working").exists()


def test_a_table_reads_nothing_outside_of_the_gallery(tmp_path: Path) -> None:
    """A gallery from anywhere may name its files as it likes; what lies elsewhere is not read, though it is there and whole."""
    place = tmp_path / "gallery"
    make(place).enrol(embeddings(["first"]), walks(["first"]))
    data = next((place / "templates.lance" / "data").iterdir())
    outside = f"../../e/{'x' * (len(data.name) - 14)}.lance"
    (place / "e").mkdir()
    data.rename(place / "e" / Path(outside).name)
    for manifest in (place / "templates.lance" / "_versions").glob("*.manifest"):
        manifest.write_bytes(manifest.read_bytes().replace(data.name.encode(), outside.encode()))
    with pytest.raises(StoreError, match="is damaged"):
        Gallery(place).people()


def test_two_writers_and_a_reader(tmp_path: Path) -> None:
    place = tmp_path / "gallery"
    make(place).enrol(embeddings(["w9999"]), walks(["w9999"]))
    both = [writer(place, 0, 30), writer(place, 0, 40)]  # thirty of the people are the same, and asked for at the same time
    gallery, asked, seen = Gallery(place), embeddings(["w9999"], seed=3), []
    while any(process.poll() is None for process in both):
        assert gallery.search(asked)[0][0].person == "w9999"
        seen.append(gallery.check()["templates"])
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    lines = [line for out, _ in said for line in out.split("\n")]
    assert sum(line.startswith("known") for line in lines) == 30
    assert sum(line.startswith("w") for line in lines) == 40
    assert seen == sorted(seen)
    assert all(count % 2 == 1 for count in seen)  # only whole people are ever seen
    people = gallery.people()
    assert len(people) == 41
    assert gallery.check()["templates"] == 81
    assert len({row.person_id for rows in people.values() for row in rows}) == 41


def test_a_reader_is_not_disturbed_by_forgetting(tmp_path: Path) -> None:
    place = tmp_path / "gallery"
    reader, other = make(place), Gallery(place)
    names = [f"p{number}" for number in range(30)]
    reader.enrol(embeddings(names), walks(names))
    for name in names[:5]:
        assert reader.search(embeddings(["p29"], seed=2))[0][0].person == "p29"
        other.forget(name)
    assert set(reader.people()) == set(names[5:])


def test_a_lock_held_for_too_long_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with (locked(tmp_path / "lock", alone=False), locked(tmp_path / "lock", alone=False),  # many read
          pytest.raises(UserError, match="is used by another process"), locked(tmp_path / "lock", alone=True, patience_s=0.05)):
        pass
    with locked(tmp_path / "lock", alone=True), pytest.raises(UserError, match="is used by another"), locked(tmp_path / "lock", False, 0.05):
        pass
    with pytest.raises(StoreError, match="damaged, or not yours"), locked(tmp_path / "nothing", alone=False):
        pass


@pytest.mark.parametrize("command", ["enrol", "forget"])
def test_a_full_disk_is_an_error_and_a_whole_gallery(tmp_path: Path, command: str) -> None:
    """The system refuses to let files grow, as a full disk does: the gallery stays as it was, and goes on afterwards."""
    place = tmp_path / "gallery"
    names = [f"p{number:03d}" for number in range(300)]
    make(place).enrol(embeddings(names), walks(names))
    before = Gallery(place).check()
    words = [sys.executable, "-c", FULL, str(place), command]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert "the gallery is as it was: free some space" in done.stdout
    assert "\n" not in done.stdout.strip()
    after = Gallery(place)
    assert {**after.check(), "audit_lines": 0, "interrupted": False} == {**before, "audit_lines": 0}
    if command == "enrol":
        more = [f"q{number:03d}" for number in range(300)]
        assert len(after.enrol(embeddings(more), walks(more)).added) == 300
    else:
        assert after.forget("p000")[0] == 1
    assert not after.check()["interrupted"]


FULL = """
import resource, signal, sys
from gaitbridge.errors import UserError
from gaitbridge.gallery.gallery import Gallery
from gallery_people import embeddings, walks
place, command = sys.argv[1:]
gallery = Gallery(place)
gallery.people()  # whatever is opened is open
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
names = [f"q{number:03d}" for number in range(300)]
try:
    gallery.enrol(embeddings(names), walks(names)) if command == "enrol" else gallery.forget("p000")
except UserError as error:
    print(error)
    sys.exit(2)
"""


def test_a_log_that_cannot_be_written_stops_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = make(tmp_path / "gallery")
    gallery.enrol(embeddings(["p0"]), walks(["p0"]))

    def full(file: Path, line: str) -> None:
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(embedded, "append_line", full)
    for ask in (lambda: gallery.forget("p0"), lambda: gallery.search(embeddings(["p0"])), lambda: gallery.enrol(embeddings(["p1"]), walks(["p1"]))):
        with pytest.raises(UserError, match="nothing is done that is not logged"):
            ask()
    monkeypatch.undo()
    assert set(gallery.people()) == {"p0"}


def test_a_line_cut_off_by_a_kill_stays_alone(tmp_path: Path) -> None:
    gallery = make(tmp_path / "gallery")
    with (tmp_path / "gallery" / "audit.jsonl").open("a") as file:
        file.write('{"time": "20')
    gallery.enrol(embeddings(["p0"]), walks(["p0"]))
    lines, broken = audit.read(gallery.index)
    assert (len(lines), broken) == (2, 1)
    assert gallery.check()["audit_lines_cut_off"] == 1


def test_a_line_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "log"
    append_line(file, "first")
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:5]))  # as a disk does that has room for no more
    with pytest.raises(OSError, match="No space left"):
        append_line(file, "a second line that does not fit")
    monkeypatch.undo()
    assert file.read_text() == "first\n"
    append_line(file, "third")
    assert file.read_text() == "first\nthird\n"


def test_many_small_enrolments_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MOST_FRAGMENTS", 5)
    gallery = make(tmp_path / "gallery")
    names = [f"p{number}" for number in range(14)]
    for name in names:
        gallery.enrol(embeddings([name]), walks([name]))
    assert len(list((tmp_path / "gallery" / "templates.lance" / "data").iterdir())) <= 6
    assert set(gallery.people()) == set(names)
    assert gallery.index.count(Where()) == 14
