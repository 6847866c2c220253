"""The names of steps in a locustfile: complete, composed, and imported from the files beside it."""

from pathlib import Path

import pytest

from festgate.rehearsal.runner.steps import written_steps

FILE = '''
"""Buys /docs."""
from locust import HttpUser, task

from names import CHECKOUT
from shop import pages
from shop.prices import SALE as _SALE


class Visitor(HttpUser):
    @task
    def buy(self):
        """Sends /docstring."""
        self.client.get("/events", name="list of events")
        self.client.post("cart")
        self.client.request("PUT", "/cart/1")
        for place in ("stage", "bar"):
            self.client.get(f"/{place}", name=f"look at {place} (v2)")
        self.client.get(self.path, name="page " + self.page)
        self.client.get(self.path, name="%s of %d" % (self.page, 7))
        self.client.get(self.path, name="sort by {key!r}".format(key=self.key))
        self.client.get(self.path, name=f"{self.method} {self.path}")
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "visitor.py"
    file.write_text(FILE, encoding="utf-8")
    (tmp_path / "names.py").write_text('CHECKOUT = "pay (card, cash)"\n', encoding="utf-8")
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "__init__.py").write_text("", encoding="utf-8")
    (shop / "pages.py").write_text('from .words import *\nPAGES = ["front page"]\n', encoding="utf-8")
    (shop / "words.py").write_text('WORD = "<slug>"\nfrom . import pages\n', encoding="utf-8")
    (shop / "prices.py").write_text('SALE = "sale < 5"\n', encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "step",
    [
        "/events",
        "list of events",
        "POST cart",
        "cart",
        "PUT /cart/1",
        "look at the bar (v2)",
        "page 2 of 3",
        "shoes of 12",
        "sort by 'price'",
        "pay (card, cash)",
        "front page",
        "<slug>",
        "sale < 5",
    ],
)
def test_a_name_in_the_file_or_in_one_that_it_imports_is_known(file: Path, step: str) -> None:
    assert written_steps(file).can_have(step)


@pytest.mark.parametrize(
    "step", ["/docs", "/docstring", "list with events", "CART", "look at", "GET /nowhere"]
)
def test_another_name_is_unknown(file: Path, step: str) -> None:
    assert not written_steps(file).can_have(step)


def test_the_complete_names_of_requests_are_listed(file: Path) -> None:
    assert sorted(written_steps(file).names) == ["/cart/1", "/events", "cart", "list of events"]


def test_a_file_with_a_syntax_error_has_no_names(tmp_path: Path) -> None:
    file = tmp_path / "visitor.py"
    file.write_text('class Visitor(:\n    name = "/events"\n', encoding="utf-8")
    assert not written_steps(file).can_have("/events")


def test_a_name_in_a_module_of_the_files_own_package_is_known(tmp_path: Path) -> None:
    load = tmp_path / "fest" / "load"
    load.mkdir(parents=True)
    for folder in (load, load.parent):
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (load / "visitor.py").write_text('PAGE = "/tickets"\n', encoding="utf-8")
    (load.parent / "pages.py").write_text('PAGE = "/outside-of-the-folder"\n', encoding="utf-8")
    file = load / "locustfile.py"
    file.write_text("from fest.load.visitor import PAGE\nimport fest.pages\n", encoding="utf-8")
    assert written_steps(file).can_have("/tickets")
    assert not written_steps(file).can_have("/outside-of-the-folder")
