"""The processor time that the target needs per request, and the busiest seconds of the load generator.

A load generator in Python can often not send as many requests as the target can answer; then neither latency nor rate
shows the cost of a change. Processor time does: its reciprocal is the rate that one core of a processor-bound target
can serve (the service demand of operational analysis: Denning and Buzen, "The operational analysis of queueing network
models", 1978).
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from festgate.rehearsal.runs.samples import Samples
from festgate.rehearsal.runs.store import Resources

_BUSIEST: Final = 0.9


def busiest_tenth(seconds: Iterable[Resources]) -> float:
    """Return the share of a core that a side exceeded in the busiest tenth of the seconds; NaN without any.

    A load generator that is saturated now and then is late exactly when its target is busy, and its mean hides that: a
    mean of 79.8 % had a peak of 98.6 %. A single second can be an error of the measurement.
    """
    used = [second.cpu for second in seconds]
    return float(np.quantile(used, _BUSIEST)) if used else float("nan")


def processor_time(resources: Sequence[Resources], samples: Samples, begin: float, end: float) -> float:
    """Return the seconds of the target's processor time per answered request, within [begin, end) of a run.

    The processes of the target are sampled about once a second. So the time counts from the first sample in
    [begin, end) to the last, a fraction of a second less than the whole at each end, and the requests are those that
    were answered between the same two samples. `samples` are those of the whole run: the target also works for requests
    that were sent before `begin` and answered after it. Requests without a response (status 0) do not count; errors do.

    NaN if the target's processes were sampled less than twice, or if nothing was answered.
    """
    server = [second for second in resources if second.side == "server" and begin <= second.at < end]
    used = sum(later.cpu * (later.at - earlier.at) for earlier, later in pairwise(server))
    if used <= 0:
        return float("nan")
    ended = samples.start + samples.latency
    answered = np.count_nonzero((samples.status > 0) & (ended >= server[0].at) & (ended < server[-1].at))
    return used / int(answered) if answered else float("nan")
