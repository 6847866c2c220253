"""The program that draws the charts of a report, which is put together once and then kept."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import pytest

from festgate.rehearsal.report.vega import drawing_program


def again() -> str:
    """As another report would have it."""
    drawing_program.cache_clear()
    return drawing_program()


def test_it_is_kept_for_later_reports_put_together_anew_where_it_is_damaged_and_needed_where_it_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = tmp_path / "festgate" / f"vega-{version('vl-convert-python')}.js"
    file.parent.mkdir()
    file.write_text("draw();", encoding="utf-8")
    program = again()
    assert "window.vegaEmbed=" in program
    assert "</script" not in program
    assert file.read_text(encoding="utf-8").endswith(program)
    assert [file] == list(file.parent.iterdir())

    kept = b"draw();"
    file.write_bytes(hashlib.sha256(kept).hexdigest().encode() + kept)
    assert again() == "draw();"

    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert again() == program
