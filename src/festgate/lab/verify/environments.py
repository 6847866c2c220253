"""Advice on the interpreter: which package an app misses, and the command that makes a fitting environment."""

import re
from typing import Final

from festgate.lab.description.starter import Starter

ENVIRONMENT: Final = "lab-env"
"""The name of the environment in the commands."""
SERVER: Final = "uvicorn"
"""The package with which the lab serves every app."""
_MISSING: Final = (
    re.compile(r"No module named '([A-Za-z_]\w*)"),
    re.compile(r'requires "([\w-]+)" to be installed'),
    re.compile(r"\b([\w-]+) (?:must be|is not) installed\b"),
)
_PACKAGES: Final = {"multipart": "python-multipart", "dotenv": "python-dotenv", "jose": "python-jose"}
"""The packages whose name differs from that of their module."""


def missing_package(error: str) -> str:
    """Return the package that an app's error names as missing; empty if it names none."""
    module = next((match[1] for pattern in _MISSING if (match := pattern.search(error))), "")
    return _PACKAGES.get(module, module)


def install_command(python: str, package: str) -> str:
    """Return the sentence with the command that installs a missing package."""
    return (
        f"Its Python has no package {package}. Install it with `{_shown(python)} -m pip install {package}`."
    )


def environment_commands(starter: Starter) -> str:
    """Return the sentences with the commands that make a fitting environment, for bash and for PowerShell."""
    packages = " ".join(_packages(starter))
    return (
        f"Make an environment with the starter's packages. In bash: `python3 -m venv {ENVIRONMENT}`, then"
        f" `{ENVIRONMENT}/bin/python -m pip install {packages}`, and add `--python {ENVIRONMENT}/bin/python`."
        f" In PowerShell: `py -m venv {ENVIRONMENT}`, then `{ENVIRONMENT}\\Scripts\\python -m pip install {packages}`,"
        f" and add `--python {ENVIRONMENT}\\Scripts\\python.exe`."
    )


def _packages(starter: Starter) -> list[str]:
    requirements = starter.folder / "requirements.txt"
    if starter.packages:
        packages = list(starter.packages)
    elif requirements.is_file():
        packages = ["-r", _shown(str(requirements))]
    else:
        packages = ["fastapi", "jinja2", "python-multipart"]
    # The requirements may lack it, and pip accepts it twice.
    return packages if any(name.startswith(SERVER) for name in packages) else [*packages, SERVER]


def _shown(path: str) -> str:
    return f'"{path}"' if " " in path else path
