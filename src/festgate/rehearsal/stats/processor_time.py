"""What a request costs the target: seconds of the processor for each.

A generator that is a Python program too can often not send as much as the target can answer, and then neither latency
nor rate says what a change costs. The processor's time does: a target that is bound by it answers one request in that
time, and so its reciprocal is the rate that one core of it could serve (the service demand of operational analysis:
Denning and Buzen, "The operational analysis of queueing network models", 1978).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from festgate.rehearsal.runs.samples import Samples
from festgate.rehearsal.runs.store import Resources


def processor_time(resources: Sequence[Resources], samples: Samples, begin: float, end: float) -> float:
    """Seconds of the target's processor for each request that it answered, within [begin, end) of a run.

    What the target used is known for each second between two looks at its processes, and a look is at no round time.
    So the time counts from the first look in [begin, end) to the last: some tenths of a second less than the whole at
    each side. The requests are those whose answer ended between the same two looks. `samples` are the whole run's: who
    asked before `begin` and was answered after it has been worked for here. Where no answer came (status 0) is left
    out; an error is an answer.

    Not-a-number where the target's processes were not seen at least twice, or nothing was answered.
    """
    looks = [look for look in resources if look.side == "server" and begin <= look.at < end]
    used = sum(later.cpu * (later.at - earlier.at) for earlier, later in pairwise(looks))
    if used <= 0:
        return float("nan")
    ended = samples.start + samples.latency
    answered = np.count_nonzero((samples.status > 0) & (ended >= looks[0].at) & (ended < looks[-1].at))
    return used / int(answered) if answered else float("nan")
