"""A submission is copied whole, as a folder or as a zip, and without links out of it."""

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.student.folder import starter_files, write_starter
from festgate.lab.verify import intake
from festgate.lab.verify.intake import InvalidSubmission, Submission, copy_submission, remove_folder


@pytest.fixture
def taken(tmp_path: Path) -> Callable[[Path], Submission]:
    """Copy a submission into a new folder."""

    def take(source: Path) -> Submission:
        target = tmp_path / f"copy{len(list(tmp_path.iterdir()))}"
        target.mkdir()
        return copy_submission(BUILT_IN, source, target)

    return take


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_starter(BUILT_IN, tmp_path / "handed in" / "lab")
    return tmp_path / "handed in" / "lab"


def zipped(folder: Path, *more: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    """Make a zip of a folder, with further members."""
    file = folder.parent / "lab.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent))
        for name, content in more:
            archive.writestr(name, content)
    return file


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_and_its_zip_give_the_same_copy_without_data_runs_and_environments(
    lab: Path, taken: Callable[[Path], Submission]
) -> None:
    for name in (
        ".git/config",
        "venv/pyvenv.cfg",
        "venv/lib/x.py",
        "runs/1/0.samples",
        "__pycache__/a.pyc",
        "fest.db",
    ):
        (lab / name).parent.mkdir(parents=True, exist_ok=True)
        (lab / name).write_bytes(b"1")
    (lab / "mine" / "pyvenv.cfg").parent.mkdir()
    (lab / "mine" / "pyvenv.cfg").write_bytes(b"1")
    (lab / "mine" / "x.py").write_bytes(b"1")
    (lab / "at 10:30.md").write_bytes(b"1")
    (lab / "runs" / "1" / "run.json").write_bytes(b"{}")
    folder, archive = taken(lab), taken(zipped(lab))
    wanted = {path.as_posix() for path in starter_files(BUILT_IN)} | {"runs/1/run.json", "at 10:30.md"}
    assert names(folder.app) == names(archive.app) == wanted
    assert (folder.app, archive.app) == (folder.tree, archive.tree / "lab")
    assert folder.skipped == archive.skipped == ()
    assert folder.content == taken(lab.parent / "lab").content


def test_the_app_is_found_in_a_folder_and_a_baseline_beside_it_is_not(
    lab: Path, taken: Callable[[Path], Submission]
) -> None:
    write_starter(BUILT_IN, lab.parent / "before")
    assert taken(lab.parent).app.name == "lab"


def test_links_are_not_followed(lab: Path, taken: Callable[[Path], Submission], tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("sesame", encoding="utf-8")
    (lab / "link.txt").symlink_to(secret)
    (lab / "folder").symlink_to(tmp_path)
    os.mkfifo(lab / "pipe")
    copy = taken(lab)
    assert not names(copy.app) & {"link.txt", "folder", "pipe"}
    assert set(copy.skipped) == {
        "link.txt is a link and was not copied.",
        "folder is a link and was not copied.",
    }
    for name in ("link.txt", "folder", "pipe"):
        (lab / name).unlink()
    link = zipfile.ZipInfo("lab/link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    copy = taken(zipped(lab, (link, str(secret).encode())))
    assert "link.txt" not in names(copy.app)
    assert copy.skipped == ("lab/link.txt is a link and was not copied.",)


@pytest.mark.parametrize(
    "name", ["../outside.py", "/outside.py", "lab/../../outside.py", "C:/outside.py", "..\\outside.py"]
)
def test_a_zip_with_a_member_outside_of_it_is_refused(
    lab: Path, taken: Callable[[Path], Submission], tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidSubmission, match=r"has a member outside of the zip: .*outside\.py"):
        taken(zipped(lab, (name, b"1")))
    assert not list(tmp_path.rglob("outside.py"))


def test_a_submission_with_too_many_files_or_bytes_is_refused(
    lab: Path, taken: Callable[[Path], Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_BYTES", 200_000)
    monkeypatch.setattr(intake, "MAX_FILES", 40)
    bomb = zipped(lab, ("lab/zeros.txt", b"\0" * 10_000_000))
    assert bomb.stat().st_size < 200_000
    with pytest.raises(
        InvalidSubmission,
        match=r"holds more than 0 MB \(at zeros\.txt\)\. Leave out what is not part of the lab",
    ):
        taken(bomb)
    many = zipped(lab, *((f"lab/{number}.txt", b"1") for number in range(40)))
    with pytest.raises(InvalidSubmission, match="holds more than 40 files"):
        taken(many)


def test_the_error_names_what_is_wrong_with_a_submission(
    lab: Path, taken: Callable[[Path], Submission], tmp_path: Path
) -> None:
    whole = zipped(lab).read_bytes()
    cases: list[tuple[str, bytes | None, str]] = [
        ("gone", None, r"gone does not exist\."),
        ("text.zip", b"no zip", "is neither a folder nor a zip"),
        ("cut.zip", whole[: len(whole) // 2], "is neither a folder nor a zip"),
        ("spoilt.zip", whole[:60] + b"\xff" * 200 + whole[260:], "cannot be read: .*again"),
    ]
    for name, content, sentence in cases:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidSubmission, match=sentence):
            taken(tmp_path / name)
    (lab / "main.py").write_text("print(1)\n", encoding="utf-8")
    with pytest.raises(InvalidSubmission, match=r"main\.py of .* has no `app`"):
        taken(lab)
    (lab / "main.py").unlink()
    with pytest.raises(
        InvalidSubmission, match=r"There is no main\.py in .* or its folders\. It holds code, but no app\."
    ):
        taken(lab)
    (lab / "server.py").write_text("app = FastAPI()\n", encoding="utf-8")
    with pytest.raises(
        InvalidSubmission,
        match=r"server\.py makes an app under another name: if that is the one, call it main\.py\.",
    ):
        taken(lab)
    for name in ("one", "two"):
        write_starter(BUILT_IN, lab / name)
    with pytest.raises(
        InvalidSubmission, match=r"holds main\.py in several folders: one, two\. Name one of them"
    ):
        taken(lab)


def test_an_encrypted_zip_is_refused(lab: Path, taken: Callable[[Path], Submission]) -> None:
    content = bytearray(zipped(lab).read_bytes())
    # The encryption flag in each local header and each header of the directory.
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(signature, at + 4)
    assert zipfile.is_zipfile(io.BytesIO(content))
    (lab.parent / "lab.zip").write_bytes(content)
    with pytest.raises(InvalidSubmission, match=r"cannot be read: .*password"):
        taken(lab.parent / "lab.zip")


def test_a_temporary_copy_is_removed_whatever_permissions_the_app_has_set(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(b"1")
    (folder / "deep").chmod(0)
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    (folder / "link").symlink_to(other)
    remove_folder(folder)
    assert not folder.exists()
    assert stat.S_IMODE(other.stat().st_mode) == 0o755
