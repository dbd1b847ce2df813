"""Tables for papers: Markdown and LaTeX, of a score's document and of a run."""

import json
from pathlib import Path

import embedding_files as files
import pytest

from gaitbridge.cli import main
from gaitbridge.report.table_text import escaped, latex, markdown, written
from gaitbridge.report.tables import TextTable

TABLE = TextTable("50 % & more", ("a_b", "n"), (("x|y", "1.5"), ("–", "2")))


def test_latex_is_escaped_and_aligned() -> None:
    text = latex(TABLE)
    assert r"\caption{50 \% \& more}" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"a\_b & n \\" in text
    assert r"-- & 2 \\" in text
    assert text.count(r"\\") == 3
    assert escaped("\\ #1 {x^2}") == r"\textbackslash{} \#1 \{x\textasciicircum{}2\}"


def test_markdown_keeps_its_columns() -> None:
    assert markdown(TABLE).splitlines()[2:] == ["| a_b | n |", "| --- | ---: |", r"| x\|y | 1.5 |", "| – | 2 |"]
    with pytest.raises(Exception, match="did you mean 'latex'"):
        written([TABLE], "latx")


def test_tables_of_a_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = files.write(tmp_path / "a.npz", **files.arrays(files.CASIA_B, ("000", "090"), people=12))
    out = tmp_path / "score.json"
    more = ["--intervals", "--verification", "--cells"]
    assert main(["score", str(path), "--protocol", "casia_b", *more, "--out", str(out), "--format", "latex"]) == 0
    printed = capsys.readouterr().out
    found = json.loads(out.read_text())
    assert rf"NM@R1 & {found['metrics']['NM@R1']:.4f} & {found['exact']['NM@R1']:.4f}" in printed
    assert main(["tables", str(out), "--format", "latex"]) == 0
    assert capsys.readouterr().out == printed
    assert main(["tables", str(out)]) == 0
    assert f"| NM@R1 | {found['metrics']['NM@R1']:.4f} |" in capsys.readouterr().out
    out.write_text("{}")
    assert main(["tables", str(out)]) == 2
    assert "score.json is damaged (protocol: Field required): score the file again" in capsys.readouterr().err


def test_two_files_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [
        files.write(tmp_path / f"{name}.npz", **files.arrays(files.CASIA_B, ("000", "090"), people=12, noise=noise))
        for name, noise in (("weak", 4.0), ("strong", 1.0))
    ]
    assert main(["compare", str(paths[0]), str(paths[1]), "--protocol", "casia_b", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    rows = json.loads((tmp_path / "comparison.json").read_text())
    rows = [row for row in rows if (row["views"], row["metric"]) == ("excluded", "rank-1")]
    assert [row["condition"] for row in rows] == ["NM", "BG", "CL"]
    assert main(["score", str(paths[1]), "--protocol", "casia_b", "--json"]) == 0
    exact = json.loads(capsys.readouterr().out)["exact"]
    for row in rows:
        assert row["b"] == pytest.approx(exact[f"{row['condition']}@R1"])
        assert row["p"] < 0.01 < row["low"] < row["difference"] == pytest.approx(row["b"] - row["a"])
    assert main(["compare", str(paths[0]), str(tmp_path)]) == 2
    assert "compare files with files" in capsys.readouterr().err
