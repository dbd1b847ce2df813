"""`--append`: a captured store grows, nothing is added twice, and a kill leaves the store as it was."""

import shutil
from pathlib import Path

import pytest
from video_files import one_walker, paint, times, two_who_cross, write_video

from gaitbridge.capture.growing import Growing
from gaitbridge.capture.stores import Told
from gaitbridge.capture.video import run as video_run
from gaitbridge.capture.video.run import capture_videos
from gaitbridge.capture.video.settings import Settings
from gaitbridge.cli import main
from gaitbridge.data.captured import caught
from gaitbridge.errors import UserError
from gaitbridge.store import Store


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """one.mkv, back.mkv, cross.mkv, and empty.mkv; other/one.mkv is another film of that name; store: of one.mkv."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "other").mkdir()
    one_walker(folder / "one.mkv", 40)
    one_walker(folder / "other" / "one.mkv", 40, step=-3.2)
    two_who_cross(folder / "cross.mkv")
    write_video(folder / "empty.mkv", [paint([], [], k) for k in range(20)], times(20))
    capture_videos([folder / "one.mkv"], folder / "store", told=Told(site="gate"))
    return folder


@pytest.fixture
def store(films: Path, tmp_path: Path) -> Path:
    """A copy of the store."""
    return Path(shutil.copytree(films / "store", tmp_path / "store"))


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_store_grows_and_nothing_is_added_twice(films: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Store(store)
    shutil.copy(films / "one.mkv", tmp_path / "renamed.mkv")  # the same content
    words = [films / "other" / "one.mkv", films / "cross.mkv", tmp_path / "renamed.mkv", store, "--append", "--site", "yard", "--person", ""]
    assert main(["capture", "video", *map(str, words)]) == 0
    assert "renamed.mkv is in" in capsys.readouterr().err
    after = Store(store)
    after.verify()
    assert after.content_hash != before.content_hash
    assert [row["shard"] for row in after.rows] == ["cross"] * (len(after.rows) - 2) + ["one", "one-2"]
    assert {row["camera"] for row in after.rows} == {"gate", "yard"}
    assert len({row["person"] for row in after.rows}) == 4
    assert set(caught(after)) == {row["key"] for row in after.rows}
    assert [file["name"] for file in after.document["about"]["files"]] == ["one", "one-2", "cross"]
    assert after.document["about"]["site"] == ""  # there are two
    assert before.rows[0]["key"] in after.row_of_key
    same = everything(store)
    done = capture_videos([films / "cross.mkv"], store, told=Told(site="elsewhere"), append=True)
    assert done.document["content_hash"] == after.content_hash
    assert everything(store) == same
    whole = capture_videos([films / "one.mkv", films / "other" / "one.mkv"], tmp_path / "whole", told=Told(site="gate"))
    other = Path(shutil.copytree(films / "store", tmp_path / "again"))
    assert capture_videos([films / "other" / "one.mkv"], other, told=Told(site="gate"), append=True).document["content_hash"] \
        == whole.document["content_hash"]  # as if captured at once


def test_a_kill_leaves_the_store_and_the_same_command_goes_on(films: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, hash_before = everything(store), Store(store).content_hash
    more = [films / "other" / "one.mkv", films / "cross.mkv"]
    places = [(video_run, "run_isolated", 1), (video_run, "finish_store", 0)]  # while the second is read; when all shards are there

    class Killed(BaseException):
        pass

    for module, name, after in places:
        good, count = getattr(module, name), [0]

        def dying(*args: object, good: object = good, count: list[int] = count, after: int = after, **named: object) -> object:
            count[0] += 1
            if count[0] > after:
                raise Killed
            return good(*args, **named)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(module, name, dying)
            with pytest.raises(Killed):
                capture_videos(more, store, append=True)
        assert Store(store).content_hash == hash_before
        Store(store).verify()
        assert {name: data for name, data in everything(store).items() if name in before and "plan" not in name} \
            == {name: data for name, data in before.items() if "plan" not in name}
    read = []
    monkeypatch.setattr(video_run, "run_isolated", lambda *args, **_: read.append(args))
    capture_videos(more, store, append=True)
    assert read == []  # both were done
    assert {row["shard"] for row in Store(store).rows} == {"one", "one-2", "cross"}


def test_what_another_command_began_is_not_taken(films: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(video_run, "finish_store", stopped)
        with pytest.raises(KeyboardInterrupt):
            capture_videos([films / "cross.mkv"], store, append=True)
    capture_videos([films / "other" / "one.mkv"], store, told=Told(person="ann"), append=True)
    opened = Store(store)
    assert {row["shard"] for row in opened.rows} == {"one", "one-2"}
    assert "ann" in {row["person"] for row in opened.rows}
    assert sorted(path.name for path in (store / "shards").iterdir()) == ["one-2.arrow", "one.arrow"]
    assert sorted(path.name for path in (store / ".capture").glob("*.json")) == ["one-2.json", "one.json"]


def test_a_reader_that_opened_the_store_before_reads_on(films: Path, store: Path) -> None:
    before = Store(store)
    capture_videos([films / "other" / "one.mkv"], store, append=True)
    assert before.read(0, ["silhouettes"]).arrays["silhouettes"].shape[1:] == (64, 44)
    capture_videos([films / "cross.mkv"], store, append=True)
    assert len(list(store.glob("index*.parquet"))) == 2  # the one before stays for those who are opening it


def test_refusals_are_one_line_and_change_nothing(films: Path, store: Path, tmp_path: Path) -> None:
    before = everything(store)
    with pytest.raises(UserError, match="captured with other min_height_px, min_s: add to it with the same"):
        capture_videos([films / "cross.mkv"], store, Settings(min_height_px=50, min_s=0.9), append=True)
    with pytest.raises(UserError, match="captured with other background"):
        capture_videos([films / "cross.mkv"], store, Settings(background="knn"), append=True)
    with pytest.raises(UserError, match="no finished store to add to"):
        capture_videos([films / "cross.mkv"], tmp_path / "none", append=True)
    assert not (tmp_path / "none").exists()
    assert everything(store) == before
    with pytest.raises(UserError, match="no people found"):
        capture_videos([films / "empty.mkv"], store, append=True)
    assert Store(store).content_hash == Store(films / "store").content_hash
    with pytest.raises(UserError, match="captured from a camera"):
        Growing(store, "lidar", {})
