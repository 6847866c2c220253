"""The file of samples: written rows are read again, even after the writer was killed."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.rehearsal.runs.recording import Sample, SamplesWriter
from festgate.rehearsal.runs.samples import read_samples

REQUESTS = st.builds(
    Sample,
    name=st.sampled_from(["/", "/events", "/events/{slug}", "Größe"]),
    intended=st.floats(0, 7200).map(lambda value: round(value, 6)),
    start=st.just(0.0),
    latency=st.floats(0, 3600).map(lambda value: round(value, 6)),
    status=st.integers(0, 599),
    failed=st.booleans(),
    new_connection=st.booleans(),
    size=st.integers(0, 2**32 - 1),
    digest=st.integers(0, 2**32 - 1),
)


@given(st.lists(st.lists(REQUESTS, max_size=8), max_size=4), st.floats(0, 2000))
def test_written_rows_are_read_in_the_order_of_their_intended_start(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[Sample]], late: float
) -> None:
    path = tmp_path_factory.mktemp("samples") / "0.samples"
    writer = SamplesWriter(path)
    rows = []
    for chunk in chunks:
        for row in chunk:
            sent = replace(row, start=round(row.intended + late, 6))
            rows.append(sent)
            writer.add(sent)
        writer.flush()
    writer.close()
    samples = read_samples([path])
    rows.sort(key=lambda row: row.intended)
    assert len(samples) == len(rows)
    assert [samples.names[number] for number in samples.name.tolist()] == [row.name for row in rows]
    for column in ("intended", "start", "latency"):
        assert np.allclose(getattr(samples, column), [getattr(row, column) for row in rows], atol=2e-6)
    for column in ("status", "failed", "new_connection", "size", "digest"):
        assert getattr(samples, column).tolist() == [getattr(row, column) for row in rows]


def test_the_load_generator_starts_without_numpy() -> None:
    words = "import sys; import festgate.rehearsal.load.generator; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def some(path: Path, chunks: int) -> None:
    writer = SamplesWriter(path)
    for chunk in range(chunks):
        for number in range(100):
            at = chunk + number / 100
            writer.add(Sample("/page", at, at, 0.01, 200, False, False, 10, number))
        writer.flush()
    writer.close()


@pytest.mark.parametrize("missing", [1, 10, 100])
def test_a_file_whose_writer_was_killed_lacks_only_its_last_second(tmp_path: Path, missing: int) -> None:
    some(tmp_path / "0.samples", 3)
    content = (tmp_path / "0.samples").read_bytes()
    (tmp_path / "cut.samples").write_bytes(content[:-missing])
    assert len(read_samples([tmp_path / "cut.samples"])) == 200


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    some(tmp_path / "0.samples", 2)
    content = bytearray((tmp_path / "0.samples").read_bytes())
    content[40] ^= 0xFF
    (tmp_path / "0.samples").write_bytes(content)
    with pytest.raises(ValueError, match=r"0\.samples is not a file of samples, or is damaged"):
        read_samples([tmp_path / "0.samples"])


def test_several_files_are_one_run(tmp_path: Path) -> None:
    for name in ("0", "1"):
        some(tmp_path / f"{name}.samples", 1)
    samples = read_samples([tmp_path / "0.samples", tmp_path / "1.samples"])
    assert len(samples) == 200
    assert samples.names == ("/page",)
    assert (np.diff(samples.intended) >= 0).all()
