"""Documents are read as they were written, or refused in one line that names the file and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import TypedDict

from gaitbridge.documents import read_document, read_lines
from gaitbridge.errors import StoreError


class Pointer(TypedDict):
    folder: str
    step: int


def written(file: Path, content: bytes | str) -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_a_document_comes_back_with_what_its_shape_does_not_know(tmp_path: Path) -> None:
    document = {"folder": "a", "step": 3, "rank1": 50.0}
    assert read_document(written(tmp_path / "last.json", json.dumps(document)), Pointer, "train again") == document


@pytest.mark.parametrize(("content", "why"), [
    ("", "Expecting value"),
    ('{"folder": "a"', "Expecting ',' delimiter"),
    ('""', "Input should be a valid dictionary"),
    ('{"folder": "a"}', "step: Field required"),
    ('{"folder": "a", "step": "3"}', "step: Input should be a valid integer"),
    ('{"folder": "a", "step": true}', "step: Input should be a valid integer"),
    (b'{"folder": "\xff", "step": 3}', "no text at byte 12"),
    ("[" * 100_000, "nested too deep"),
    ('{"folder": "a", "step": 3, "rank1": NaN}', "NaN is no number"),
    ('{"folder": "a", "step": 3, "more": 100000000000000000000}', "is too large a number"),
    ("9" * 5000, "Exceeds the limit"),
])
def test_whatever_is_wrong_is_one_line(tmp_path: Path, content: str | bytes, why: str) -> None:
    file = written(tmp_path / "last.json", content)
    with pytest.raises(StoreError) as caught:
        read_document(file, Pointer, "train again")
    said = str(caught.value)
    assert said.startswith(f"{file} is damaged (")
    assert said.endswith("): train again")
    assert why in said
    assert "\n" not in said


def test_a_log_may_hold_what_json_has_not(tmp_path: Path) -> None:
    file = written(tmp_path / "last.json", '{"folder": "a", "step": 3, "rank1": NaN}')
    assert str(read_document(file, dict[str, Any], "train again", nan=True)["rank1"]) == "nan"


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        read_document(tmp_path, Pointer, "train again")


def test_of_lines_the_last_may_be_cut_short(tmp_path: Path) -> None:
    line = '{"folder": "a", "step": 1}\n'
    assert len(read_lines(written(tmp_path / "log.jsonl", line * 2 + '{"fol'), Pointer, "train again")) == 2
    with pytest.raises(StoreError, match=r"log\.jsonl, line 2, is damaged"):
        read_lines(written(tmp_path / "log.jsonl", line + '{"fol\n' + line), Pointer, "train again")
