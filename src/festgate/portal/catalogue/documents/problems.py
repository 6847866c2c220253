"""The errors that an import has found so far."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from festgate.kit.errors import Invalid, Refused
from festgate.portal.catalogue.documents.contents import Problem


class Problems:
    """A list of errors, each once."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        """Begin with those of the reader."""
        self.found = list(problems)

    def add(self, where: str, sentence: str) -> None:
        """Add an error."""
        problem = Problem(where, sentence)
        if problem not in self.found:
            self.found.append(problem)

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Add the sentences of an operation that refuses what stands there, and go on after it."""
        try:
            yield
        except Invalid as refusal:
            for name, sentence in refusal.fields.items():
                self.add(where, f"{name}: {sentence}")
        except Refused as refusal:
            self.add(where, refusal.message)
