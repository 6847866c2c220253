"""What a run's master and its workers say to each other, as messages of Locust beside Locust's own.

worker -> master   HELLO     who and where it is, which journey it has
master -> worker   SHARE     the plan, and which of the workers it is; or why it cannot take part
worker -> master   CLOCK     its own time; answered with CLOCK, the master's
worker -> master   READY     the journey is loaded; or why it is not
master -> worker   BEGIN     when
worker -> master   SECOND    how it stands
worker -> master   SAMPLES   the next bytes of its file of samples, where it cannot write into the run's folder
master -> worker   END       before the time: the run is cut off
worker -> master   DONE      its last words
"""

from typing import Any, Final, Protocol, TypeAlias

from gevent.queue import Queue
from locust.rpc import Message
from locust.runners import Runner

HELLO: Final = "festgate_hello"
SHARE: Final = "festgate_share"
CLOCK: Final = "festgate_clock"
READY: Final = "festgate_ready"
BEGIN: Final = "festgate_begin"
SECOND: Final = "festgate_second"
SAMPLES: Final = "festgate_samples"
END: Final = "festgate_end"
DONE: Final = "festgate_done"

Fields: TypeAlias = dict[str, Any]
"""Of a message: what msgpack carries."""


class _Listener(Protocol):
    def __call__(self, *, msg: Message, **_more: object) -> None: ...


def collect(runner: Runner, *kinds: str) -> "Queue[tuple[str, str, Fields]]":
    """A queue of (who, which kind, fields) of the messages of these kinds, in the order in which they come."""
    inbox: Queue[tuple[str, str, Fields]] = Queue()

    def listener(kind: str) -> _Listener:
        def note(*, msg: Message, **_more: object) -> None:
            inbox.put((msg.node_id, kind, msg.data or {}))

        return note

    for kind in kinds:
        runner.register_message(kind, listener(kind))
    return inbox
