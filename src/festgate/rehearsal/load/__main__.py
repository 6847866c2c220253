"""A load generator process: `python -m festgate.rehearsal.load KIND ARGUMENT...`.

`generator RUN_FOLDER OPTIONS` and `worker ARGUMENTS` are the modules of these names. This module makes their imports
fast, as each run waits for them.
"""

import gc
import sys
from importlib import import_module


def main(kind: str, *arguments: str) -> int:
    """Run a generator or a worker; return the exit code."""
    # Imported objects are never garbage, so collecting meanwhile is wasted time.
    gc.disable()
    # Locust makes gevent patch the standard library. For each of its 25 patches, gevent searches every installed
    # package for plugins to notify: a third of a second, without a result.
    from gevent import events  # noqa: PLC0415

    events.notify_and_call_entry_points = events.notify
    module = import_module(f"festgate.rehearsal.load.{kind}")
    gc.freeze()
    gc.enable()
    code: int = module.run(*arguments)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
