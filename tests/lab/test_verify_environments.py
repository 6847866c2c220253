"""A missing or refused package is named, with the command that installs it or makes a fitting environment."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.student.folder import write_starter
from festgate.lab.verify.environments import environment_commands, missing_package
from festgate.lab.verify.verification import Baseline, CannotVerify, Options, UnusableStarter, verify
from tests.lab.solutions import edit


@pytest.mark.parametrize(
    "error, package",
    [
        ("ModuleNotFoundError: No module named 'sqlalchemy'", "sqlalchemy"),
        ("ModuleNotFoundError: No module named 'sqlalchemy.orm'", "sqlalchemy"),
        ("the interpreter has no uvicorn (No module named 'uvicorn')", "uvicorn"),
        ('RuntimeError: Form data requires "python-multipart" to be installed.', "python-multipart"),
        ("ModuleNotFoundError: No module named 'multipart'", "python-multipart"),
        ("AssertionError: jinja2 must be installed to use Jinja2Templates", "jinja2"),
        (
            "ImportError: email-validator is not installed, run `pip install pydantic[email]`",
            "email-validator",
        ),
        ("NameError: name 'jinja2' is not defined", ""),
    ],
)
def test_the_missing_package_is_read_from_the_error(error: str, package: str) -> None:
    assert missing_package(error) == package


def test_the_commands_install_the_pinned_packages_and_the_server_in_bash_and_powershell(
    tmp_path: Path,
) -> None:
    commands = environment_commands(replace(BUILT_IN, packages=("fastapi==0.128.0", "jinja2==3.1.6")))
    assert "`python3 -m venv lab-env`" in commands
    assert "`lab-env/bin/python -m pip install fastapi==0.128.0 jinja2==3.1.6 uvicorn`" in commands
    assert "`py -m venv lab-env`" in commands
    assert r"`lab-env\Scripts\python -m pip install fastapi==0.128.0 jinja2==3.1.6 uvicorn`" in commands
    folder = tmp_path / "a course"
    folder.mkdir()
    (folder / "requirements.txt").write_text("fastapi\n", encoding="utf-8")
    commands = environment_commands(Starter(folder))
    assert f'pip install -r "{folder / "requirements.txt"}" uvicorn`' in commands


def message_about(source: Path, starter: Starter, temporary: Path) -> str:
    """Return the message about what cannot be verified."""
    baseline, options = Baseline(temporary / "starter", starter), Options(seed=1, load=False)
    with pytest.raises(CannotVerify) as error:
        verify(source, options, baseline, lambda *_: None)
    if isinstance(error.value, UnusableStarter):
        # The next submission gets the same answer, and the starter is not tried again.
        steps: list[str] = []
        with pytest.raises(UnusableStarter) as again:
            verify(source, options, baseline, lambda step, _: steps.append(step))
        assert str(again.value) == str(error.value)
        assert not any("sending" in step for step in steps)
    return str(error.value)


def test_a_starter_whose_pages_fail_with_these_packages_is_named_with_the_package_and_the_commands(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "course"
    write_starter(BUILT_IN, folder)
    # The call of 2023, which current Starlette refuses.
    edit(
        folder,
        "main.py",
        'templates.TemplateResponse(request, name, {"user": None, **shown}, status_code=status)',
        'templates.TemplateResponse(name, {"request": request, "user": None, **shown}, status_code=status)',
    )
    starter = replace(BUILT_IN, folder=folder, packages=("starlette==0.50.0",))
    message = message_about(folder, starter, tmp_path)
    assert message.startswith(f"The starter in {folder} cannot be run with {sys.executable}")
    assert "each of its pages fails. TypeError: " in message
    assert "(raised in the package starlette)" in message
    assert "lab-env/bin/python -m pip install starlette==0.50.0 uvicorn" in message
