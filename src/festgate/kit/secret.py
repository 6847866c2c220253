"""The fest's secret: created on the first start, stored in the data folder, readable by its owner only."""

import os
import secrets
from pathlib import Path

from festgate.kit.errors import StartupError
from festgate.kit.private import close_file, make_private

NAME = "secret"
LENGTH = 32
"""Bytes."""


def load_secret(folder: Path) -> bytes:
    """Return the secret of the data folder. If several processes start at once, one creates it and all use it."""
    path = folder / NAME
    try:
        make_private(folder)
        unfinished = folder / f".{NAME}-{secrets.token_hex(8)}"
        if not path.exists():
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(LENGTH))
            _put(unfinished, path)
        close_file(path)
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as error:
        msg = f"The data folder {folder} cannot be used: {error.strerror or error}. Set FESTGATE_DATA_DIR."
        raise StartupError(msg) from error
    except ValueError:
        msg = f"The file {path} is not a secret of this program. Restore it from a backup, or remove it."
        raise StartupError(msg) from None
    if len(secret) < LENGTH:
        msg = f"The file {path} is shorter than a secret. Restore it from a backup, or remove it."
        raise StartupError(msg)
    return secret


def _put(unfinished: Path, path: Path) -> None:
    """Give the file its final name, unless another process has created it."""
    try:
        # A link, unlike a rename, fails if the name exists.
        os.link(unfinished, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            unfinished.replace(path)
            return
    unfinished.unlink(missing_ok=True)
