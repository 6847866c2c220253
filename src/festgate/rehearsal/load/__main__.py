"""A process that sends: `python -m festgate.rehearsal.load PLAYER_OR_WORKER ARGUMENT...`.

`player RUN_FOLDER STAGING` and `worker GIVEN` are the modules of these names; here their imports are made quick, as
each run waits for them.
"""

import gc
import sys
from importlib import import_module


def main(kind: str, *arguments: str) -> int:
    """Be a player or a worker; the process's exit code."""
    # What is imported stays for good: looking through it for garbage finds none.
    gc.disable()
    # Locust has gevent patch the standard library. For each of the 25 things that it patches gevent looks into every
    # installed package for plugins that want to know of it: a third of a second, and there is none that we know.
    from gevent import events  # noqa: PLC0415

    events.notify_and_call_entry_points = events.notify
    module = import_module(f"festgate.rehearsal.load.{kind}")
    gc.freeze()
    gc.enable()
    code: int = module.run(*arguments)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
