"""Protocols as files: written and read again they are the same, and what is none is refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import run

from gaitbridge.data.protocols import BUILT_IN, PROTOCOLS, document_of, load_protocol, protocol_of
from gaitbridge.errors import UserError

SIDES: dict[str, Any] = {"probe": {"match": {"take": [1]}}, "gallery": {"match": {"take": [0]}}}


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_written_and_read_again_it_is_the_same(name: str) -> None:
    document = json.loads(json.dumps(document_of(PROTOCOLS[name])))
    assert protocol_of(document, "here") == PROTOCOLS[name]


@pytest.mark.parametrize(("document", "words"), [
    ([], "damaged"), ({**SIDES, "name": "a", "rank": [1]}, "no key 'rank': did you mean 'ranks'"), (SIDES, "has no 'name'"),
    ({"name": "a", "probe": SIDES["probe"]}, "has no 'gallery'"), ({**SIDES, "name": "a", "ranks": ["1"]}, "is no protocol (ranks"),
    ({**SIDES, "name": "a", "ranks": [5, 1]}, "that rise"), ({**SIDES, "name": "a", "layout": "pool"}, "no layout 'pool': did you mean 'pooled'"),
    ({**SIDES, "name": "a", "identical": ["angle"]}, "no field 'angle'"), ({**SIDES, "name": "a", "precision": ["map"]}, "no precision 'map'"),
    ({**SIDES, "name": "a", "probe": {"matches": {}}}, "no key 'matches': did you mean 'match'"),
    ({**SIDES, "name": "a", "probe": {"match": {"kind": ["x"]}}}, "probe: no field 'kind'"),
    ({**SIDES, "name": "a", "probe": {"match": {"take": []}}}, "says no value of 'take'"),
    ({**SIDES, "name": "a", "layout": "view pairs", "identical": []}, "averages over pairs of views"),
    ({**SIDES, "name": "a", "parts": [{"name": "x"}]}, "part 1 has no 'probe'"), ({**SIDES, "name": "casia_b"}, "that is built in"),
])  # fmt: skip
def test_what_is_none_is_refused_in_one_line(document: Any, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(document))
    with pytest.raises(UserError) as refused:
        load_protocol(str(file))
    assert words in str(refused.value)
    assert str(file) in str(refused.value)


def test_one_that_is_built_in_is_printed_to_begin_with(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(run("protocols", "ccpg", "--json").stdout.replace('"ccpg"', '"mine"'))
    assert "mine: Li et al." in run("protocols", str(tmp_path / "mine.json")).stdout
