"""Progress says how far it is, how long it takes, and that it is alive."""

import time

import pytest

from gaitbridge.progress import progress, span


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (65, "1 min 05 s"), (3600 * 2 + 600, "2 h 10 min")])
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_lines_show_the_rate_of_this_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("train", "steps", every_s=0.0) as show:
        show(50, 100, "")
        time.sleep(0.3)
        show(75, 100, "loss 1.0")
        show(100, 100, "")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "train: 50/100 steps"
    assert lines[1].startswith("train: 75/100 steps, 0 s left")  # 25 steps took 0.3 s; were the first 50 counted, it would be less still
    assert lines[1].endswith("  loss 1.0")
    assert "took" in lines[-1]


def test_few_lines_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("embed", "sequences", every_s=60) as show:
        for done in range(1000):
            show(done, 1000, "")
        show(1000, 1000, "")
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_it_beats_while_nothing_is_counted_and_stops_with_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("simulate", "people", every_s=0.1):
        time.sleep(1.3)
    assert "simulate: preparing, at work for 1 s" in capsys.readouterr().err
    time.sleep(0.7)
    assert capsys.readouterr().err == ""
