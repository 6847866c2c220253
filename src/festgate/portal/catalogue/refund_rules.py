"""Refund rules: until when attendees can cancel a paid registration by themselves, and how much comes back.

A rule has steps, such as 100 % until 14 days before the start and 50 % until 2 days before it. An order keeps the rule
that its buyer was shown, so a later change of the event's rule makes nothing worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from festgate.kit.clock import HOUR, Milliseconds
from festgate.kit.errors import Invalid
from festgate.kit.money import Money
from festgate.kit.translation import gettext, ngettext
from festgate.portal.catalogue.details import read_number

STEPS: Final = 3
"""Steps that the form has."""
MAX_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the price that comes back until a time before the start of the event."""

    days: int
    """Days before the start; 0 for the start itself."""
    percent: int


@dataclass(frozen=True, slots=True)
class RefundRule:
    """The steps of a rule, the earliest first. Without any, attendees cannot cancel what they have paid."""

    steps: tuple[Step, ...] = ()

    def step_at(self, starts_at: Milliseconds, now: Milliseconds) -> Step | None:
        """Return the step that holds now for an event that starts then; None once it is too late."""
        for step in self.steps:
            if now < starts_at - step.days * 24 * HOUR:
                return step
        return None

    def amount_at(self, fee: Money, starts_at: Milliseconds, now: Milliseconds) -> Money | None:
        """Return the amount that comes back of a fee now; None if it is too late to cancel.

        It is rounded half up, and at least one minor unit.
        """
        step = self.step_at(starts_at, now)
        return None if step is None else part_of(fee, step.percent)

    def sentences(self) -> list[str]:
        """Return a sentence for each step, for visitors."""
        return [_sentence(step) for step in self.steps]

    def written(self) -> str:
        """Return the rule as it is stored: `14:100,2:50`."""
        return ",".join(f"{step.days}:{step.percent}" for step in self.steps)


def part_of(fee: Money, percent: int) -> Money:
    """Return that percentage of a fee, rounded half up to a minor unit, and at least one."""
    return Money(max(1, (fee.minor * percent + 50) // 100), fee.currency) if fee.minor else fee


def stored_rule(text: str) -> RefundRule:
    """Return the rule that was stored as text."""
    pairs = (part.split(":") for part in text.split(",") if part)
    return RefundRule(tuple(Step(int(days), int(percent)) for days, percent in pairs))


def read_rule(fields: Mapping[str, str]) -> RefundRule:
    """Return the rule of a form with the fields `days-1`, `percent-1` and so on. Raises Invalid."""
    errors: dict[str, str] = {}
    steps: list[Step] = []
    for number in range(1, STEPS + 1):
        values: dict[str, int | None] = {}
        for name, least, most in (("days", 0, MAX_DAYS), ("percent", 1, 100)):
            try:
                values[name] = read_number(
                    fields.get(f"{name}-{number}", ""), least=least, most=most, empty=None
                )
            except ValueError as error:
                errors[f"{name}-{number}"] = str(error)
        days, percent = values.get("days"), values.get("percent")
        if days is not None and percent is not None:
            steps.append(Step(days, percent))
        elif not errors and (days is None) != (percent is None):
            missing = "days" if days is None else "percent"
            errors[f"{missing}-{number}"] = gettext("Enter both the days and the percentage, or neither.")
    ordered = sorted(steps, key=lambda step: -step.days)
    if not errors and any(
        later.days == earlier.days or later.percent >= earlier.percent for earlier, later in pairwise(ordered)
    ):
        errors["days-1"] = gettext("The later an attendee cancels, the less has to come back.")
    if errors:
        raise Invalid(errors)
    return RefundRule(tuple(ordered))


def written_fields(rule: RefundRule) -> dict[str, str]:
    """Return the rule as the fields of its form."""
    fields = {f"{name}-{number}": "" for number in range(1, STEPS + 1) for name in ("days", "percent")}
    for number, step in enumerate(rule.steps[:STEPS], 1):
        fields |= {f"days-{number}": str(step.days), f"percent-{number}": str(step.percent)}
    return fields


def _sentence(step: Step) -> str:
    if step.days == 0:
        return gettext("{percent} % back until the start").format(percent=step.percent)
    sentence = ngettext(
        "{percent} % back until {days} day before the start",
        "{percent} % back until {days} days before the start",
        step.days,
    )
    return sentence.format(percent=step.percent, days=step.days)
