"""The messages between a run's master and its workers, sent beside Locust's own.

worker -> master   HELLO     its process, machine, journey and build
master -> worker   SHARE     the plan and the worker's number; or why it cannot take part
worker -> master   CLOCK     its time; answered with CLOCK, the master's
worker -> master   READY     the journey is loaded; or why it is not
master -> worker   BEGIN     the time at which the run begins
worker -> master   SECOND    its progress
worker -> master   SAMPLES   the next bytes of its file of samples, where it cannot write into the run's folder
master -> worker   END       the run is cut short, or is over because the locustfile ended it (`early`)
worker -> master   DONE      how its share ended
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
"""The fields of a message, as msgpack encodes them."""


class _Listener(Protocol):
    def __call__(self, *, msg: Message, **_more: object) -> None: ...


def collect(runner: Runner, *kinds: str) -> "Queue[tuple[str, str, Fields]]":
    """Return a queue that receives (sender, kind, fields) of each message of these kinds."""
    inbox: Queue[tuple[str, str, Fields]] = Queue()

    def listener(kind: str) -> _Listener:
        def enqueue(*, msg: Message, **_more: object) -> None:
            inbox.put((msg.node_id, kind, msg.data or {}))

        return enqueue

    for kind in kinds:
        runner.register_message(kind, listener(kind))
    return inbox
