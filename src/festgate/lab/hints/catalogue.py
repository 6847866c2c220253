"""Every hint, by its code: those of a comparison first, then those of what a report concludes."""

from collections.abc import Mapping
from typing import Final

from festgate.lab.hints.conclusions import CONCLUDED
from festgate.lab.hints.flags import FLAGGED
from festgate.lab.hints.hint import Hint
from festgate.lab.hints.refusals import REFUSED

HINTS: Final[Mapping[str, Hint]] = {hint.code: hint for hint in (*REFUSED, *FLAGGED, *CONCLUDED)}
