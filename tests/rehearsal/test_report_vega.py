"""The library that draws the charts of a report, which is bundled once and then cached."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import pytest

from festgate.rehearsal.report.vega import vega_script


def another_script() -> str:
    """Return the script for another report."""
    vega_script.cache_clear()
    return vega_script()


def test_the_script_is_cached_and_bundled_again_if_the_cache_is_damaged_or_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = tmp_path / "festgate" / f"vega-{version('vl-convert-python')}.js"
    file.parent.mkdir()
    file.write_text("draw();", encoding="utf-8")
    program = another_script()
    assert "window.vegaEmbed=" in program
    assert "</script" not in program
    assert file.read_text(encoding="utf-8").endswith(program)
    assert [file] == list(file.parent.iterdir())

    kept = b"draw();"
    file.write_bytes(hashlib.sha256(kept).hexdigest().encode() + kept)
    assert another_script() == "draw();"

    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert another_script() == program
