"""Submissions as they are downloaded: folders, archives, files side by side, and archives inside folders."""

import os
import zipfile
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.grading.submissions import CopiedSubmission, copy_source, file_name, submissions_in
from festgate.lab.student.folder import write_starter
from tests.lab.grading import readings


def zip_of(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, Path("lab") / path.relative_to(folder))
    return file


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_starter(BUILT_IN, tmp_path / "lab")
    return tmp_path / "lab"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "submissions").mkdir()
    return tmp_path / "submissions"


def copied(folder: Path, tmp_path: Path) -> CopiedSubmission:
    """Copy the only submission in the folder."""
    (source,) = submissions_in(folder, folder / "grades")
    target = tmp_path / "copy"
    target.mkdir()
    return copy_source(BUILT_IN, source, target)


def test_files_that_canvas_downloads_side_by_side_are_one_submission(
    folder: Path, lab: Path, tmp_path: Path
) -> None:
    zip_of(lab, folder / "nairmeera_LATE_4711_900_lab.zip")
    (folder / "nairmeera_LATE_4711_901_report.pdf").write_bytes(b"%PDF-")
    (folder / "nairmeera_LATE_4711_902_shot.png").write_bytes(b"png")
    submission = copied(folder, tmp_path)
    assert submission.submission is not None
    assert {path.name for path in submission.tree.iterdir()} == {
        "lab",
        "nairmeera_LATE_4711_901_report.pdf",
        "nairmeera_LATE_4711_902_shot.png",
    }


def test_a_zip_inside_moodles_folder_is_unpacked_and_the_report_beside_it_counts(
    folder: Path, lab: Path, tmp_path: Path
) -> None:
    student = folder / "Nair Meera_4711_assignsubmission_file_"
    student.mkdir()
    (student / "report.md").write_text("451 ms\n", encoding="utf-8")
    zip_of(lab, student / "lab.zip")
    submission = copied(folder, tmp_path)
    assert submission.submission is not None
    assert (submission.app / "main.py").is_file()
    assert (submission.tree / "report.md").is_file()


def test_each_file_of_another_student_is_another_submission(folder: Path, lab: Path) -> None:
    for name in ("anu_1_2_lab.zip", "anu_3_4_lab.zip", "report.pdf"):
        zip_of(lab, folder / name)
    (folder / "notes.txt").write_text("of the teacher", encoding="utf-8")
    (folder / ".DS_Store").write_bytes(b"")
    (folder / "grades").mkdir()
    names = [source.name for source in submissions_in(folder, folder / "grades")]
    assert names == ["anu_1_2_lab.zip", "anu_3_4_lab.zip", "report.pdf"]


@pytest.mark.parametrize(
    "files, problem",
    [
        ({"report.md": "451 ms"}, "There is no main.py in anu. It holds no code."),
        ({"x.py": "print(1)"}, "There is no main.py in anu. It holds code, but no app."),
        (
            {"src/app.py": "from fastapi import FastAPI\napp = FastAPI()"},
            "There is no main.py in anu. src/app.py makes an app under another name: if that is the one,",
        ),
        ({"a/main.py": "app = 1", "b/main.py": "app = 1"}, "anu holds main.py in several folders: a, b. "),
        ({"main.py": "portal = 1"}, "main.py of anu has no `app`. "),
    ],
)
def test_a_submission_without_the_app_is_complete_and_has_a_reason(
    folder: Path, tmp_path: Path, files: dict[str, str], problem: str
) -> None:
    for name, text in files.items():
        (folder / "anu" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "anu" / name).write_text(text, encoding="utf-8")
    submission = copied(folder, tmp_path)
    assert submission.submission is None
    assert submission.problem.startswith(problem)
    assert submission.content
    assert all((submission.tree / name).is_file() for name in files)


@pytest.mark.parametrize("name", ["anu.zip", "anu.rar"])
def test_an_archive_that_cannot_be_unpacked_has_a_reason_and_no_content(
    folder: Path, tmp_path: Path, name: str
) -> None:
    (folder / name).write_bytes(b"PK\x03\x04 nothing")
    submission = copied(folder, tmp_path)
    assert (submission.content, submission.submission) == ("", None)
    assert submission.problem.startswith(f"{name} is neither a folder nor a zip.")


def test_a_report_alone_is_a_submission(folder: Path, tmp_path: Path) -> None:
    (folder / "Nair Meera_4711_assignsubmission_file_report.pdf").write_bytes(b"%PDF-")
    submission = copied(folder, tmp_path)
    assert submission.problem.endswith("is only a report: there is no app to verify.")
    assert submission.content


def test_typed_tables_beside_a_report_do_not_change_the_content(
    folder: Path, lab: Path, tmp_path: Path
) -> None:
    lab.rename(folder / "anu")
    before = copied(folder, tmp_path).content
    (folder / "anu" / "report.pdf.tables.md").write_text("| Type |", encoding="utf-8")
    (tmp_path / "copy").rename(tmp_path / "first copy")
    assert copied(folder, tmp_path).content == before


def test_names_of_other_systems_and_very_long_ones_are_graded(tmp_path: Path, folder: Path) -> None:
    for name in (b"Jos\xe9", b"Jos\xe8", b"a" * 255):
        submission = folder / os.fsdecode(name)
        submission.mkdir()
        (submission / os.fsdecode(b"r\xe9port.md")).write_text("451 to 324 ms for /events", encoding="utf-8")
    known = readings(tmp_path)
    assert known.keys() == {"Jos?", "Jos?+", "a" * 255}
    assert [report.name for report in known["Jos?"].reports] == ["r?port.md"]
    assert len(file_name("a" * 255)) < 60
    assert file_name("a" * 254) != file_name("a" * 255)
