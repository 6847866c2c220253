"""The pages about drills, followed: a drill passes and fails, checkout is broken by hand and fixed."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import get_args

from festgate.drills.file import read_drill
from festgate.drills.plan import ACTIONS, MODULES, POINTS, Manner, ProbeKind
from festgate.drills.proxy import ToxicKind
from festgate.effects import EFFECTS
from festgate.ports import free_port
from tests.docs.terminal import BLOCK, DOCS, Step, Terminal, pattern, read
from tests.rig.server import environment
from tests.rig.waiting import until

TUTORIAL = "tutorials/break-checkout-on-purpose.md"
REFERENCE = "reference/drills.md"
SERVE = "python -m festgate serve --demo --reload"
ROW = re.compile(r"^\| ((?:`[\w.-]+`(?:, )?)+) \|", re.MULTILINE)
PATIENCE = 60.0


def steps(numbers: str) -> list[Step]:
    return [step for step in read(TUTORIAL) if isinstance(step, Step) and step.section[0] in numbers]


def test_a_reader_of_the_tutorial_sees_a_drill_hold_and_fail(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    for step in steps("123"):
        terminal.do(step)
    assert (terminal.folder / "checkout.html").stat().st_size > 10_000


def test_checkout_is_broken_by_hand_and_fixed_while_the_rest_is_served(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    port = free_port()
    (copy, serve, *rest) = steps("456")
    terminal.do(copy)
    assert serve.command == f"{SERVE} > serve.log 2>&1 &"
    with served(terminal.folder, port):
        for step in rest:
            command = step.command.replace("8000", str(port))
            if command.startswith("curl"):
                # A reader waits a second or two here. On a busy machine it may take longer.
                until(lambda step=step, command=command: shows(terminal, command, step), command, PATIENCE)  # type: ignore[misc]
            else:
                terminal.do(replace(step, command=command))


def shows(terminal: Terminal, command: str, step: Step) -> bool:
    """Return whether the command shows the output of the page now."""
    code, output = terminal.run(command)
    # The output of curl has no final newline.
    return code == 0 and bool(pattern(step.expected).fullmatch(f"{output.rstrip()}\n"))


@contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    """Run the server of the page until the end of the block."""
    with (folder / "serve.log").open("wb") as log:
        process = Popen(
            [sys.executable, *SERVE.split()[1:], "--port", str(port)],
            cwd=folder,
            env=environment(folder / "data"),
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_the_example_of_the_reference_is_a_drill(tmp_path: Path) -> None:
    text = (DOCS / REFERENCE).read_text(encoding="utf-8")
    (example,) = (block["text"] for block in BLOCK.finditer(text) if block["kind"] == "text")
    path = tmp_path / "my-drill.toml"
    path.write_text(example, encoding="utf-8")
    assert read_drill(path).title == "Checkout is slow"


def test_every_word_of_a_drill_is_in_the_reference() -> None:
    text = (DOCS / REFERENCE).read_text(encoding="utf-8")
    named = {name for cell in ROW.findall(text) for name in re.findall(r"`([\w.-]+)`", cell)}
    words = {*EFFECTS, *get_args(ToxicKind), *ACTIONS, *get_args(ProbeKind)}
    words |= {re.sub(rf"\.({'|'.join(MODULES)})$", ".NAME", point) for point in POINTS}
    assert not words - named
    assert all(f"`{manner}`" in text for manner in get_args(Manner))
    assert all(f"`{module}`" in text for module in MODULES)
