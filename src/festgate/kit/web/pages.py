"""Templates, and pages that are rendered once for each version of their view model.

A page is kept in pieces: those of the frame, which all pages share, and its own before and after the visitor's part of
the header. So one rendering serves all visitors, and a page that is shown once is rendered and compressed without its
frame. A kept page is rendered again only when its view model differs.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol, Self

from jinja2 import (
    ChoiceLoader,
    Environment,
    PackageLoader,
    StrictUndefined,
    Template,
    nodes,
    pass_eval_context,
)
from jinja2.nodes import EvalContext
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from festgate.kit.clock import SECOND, Clock, Milliseconds, minutes_left, system_clock
from festgate.kit.roles import Role
from festgate.kit.translation import gettext, ngettext, page_language
from festgate.kit.visitors import Visitor
from festgate.kit.web.compression import QUICK, STORED, Piece
from festgate.kit.web.navigation import NO_ENTRIES, Navigation
from festgate.kit.writing import Writing, unbroken
from festgate.settings import Settings

MAX_KEPT = 1024
"""Pages in memory: about 20 MB if each were as long as the list of events, and most are a tenth of that."""
CUT = "<!--cut-->"
"""The mark between the pieces of a frame or a page; texts of people are escaped, so they cannot contain it."""
_EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+")
NAME_SLOT = "(name)"
"""The place of the username; no username has a bracket."""


class Shown(Protocol):
    """The view model of a kept page: a frozen dataclass whose equality means that the page is the same."""

    @property
    def until(self) -> Milliseconds:
        """The time until which it changes only with a commit: then a hold expires, or sales open."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page without its visitor's part of the header."""

    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


@dataclass(slots=True)
class Kept:
    """A kept page, and the time until which it may be used."""

    shown: Shown
    version: object
    until: Milliseconds
    page: Rendered
    held: int | None = None
    """The number of the visitor's unpaid seats, if the page has it."""


class Pages:
    """The templates of all modules, and the kept pages."""

    def __init__(
        self,
        settings: Settings,
        packages: Iterable[str],
        navigation: Navigation = NO_ENTRIES,
        clock: Clock = system_clock,
        logo: str = "",
    ) -> None:
        """`packages` are the modules that have templates, as `festgate.portal.catalogue`; `logo` is its address."""
        self.writing = Writing(settings, clock)
        self._environment = environment(settings, packages, self.writing)
        self._environment.globals["navigation"] = self.navigation = navigation
        self._environment.globals["fragment"] = self.fragment
        days = settings.days
        self._environment.globals["fest"] = {
            "name": settings.fest_name,
            "tagline": settings.fest_tagline,
            "place": settings.fest_place,
            "days": unbroken(self.writing.dates(*days)) if days else "",
            "contact": settings.fest_contact,
            "contact_is_email": _EMAIL.fullmatch(settings.fest_contact) is not None,
            "logo": logo,
        }
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._fragments: OrderedDict[Hashable, Markup] = OrderedDict()
        self._frames: dict[str, list[Piece]] = {}
        self._headers: dict[tuple[Role | None, int, str], list[Piece]] = {}

    def render(self, template: str, section: str = "", level: int = QUICK, **context: Any) -> Rendered:  # noqa: ANN401
        """Render a page in its frame; the `level` of compression depends on how often it will be sent."""
        head, main = self._environment.get_template(template).render(context).split(CUT)
        top, navigation, rest, foot = self._frame(section)
        return Rendered(
            (top, Piece(head.encode(), STORED), navigation), (rest, Piece(main.encode(), level), foot)
        )

    def _frame(self, section: str) -> list[Piece]:
        pieces = self._frames.get(section)
        if pieces is None:
            text = self._environment.get_template("kit/frame.html").render(section=section)
            pieces = self._frames[section] = [Piece(part.encode()) for part in text.split(CUT)]
        return pieces

    def text(self, template: str, **context: Any) -> str:  # noqa: ANN401
        """Render a template that is not a page, such as the body of an email."""
        return self._environment.get_template(template).render(**context)

    def fragment(self, template: str, shown: Hashable) -> Markup:
        """Render a part of a page, such as one event's card, once a year for each value of its view model."""
        key = (template, self.writing.year(), shown)
        cached = self._fragments.get(key)
        if cached is None:
            cached = Markup(self._environment.get_template(template).render(shown=shown))  # noqa: S704  (autoescaped)
            _keep(self._fragments, key, cached)
        return cached

    def kept(self, key: Hashable) -> Kept | None:
        """Return the page kept under `key`, if there is one."""
        cached = self._kept.get(key)
        if cached is not None:
            self._kept.move_to_end(key)
        return cached

    def keep(self, key: Hashable, kept: Kept) -> None:
        """Keep a page; the least recently used one is removed if there are too many."""
        _keep(self._kept, key, kept)

    def visitor_part(self, visitor: Visitor | None, held: int, section: str) -> tuple[Piece, ...]:
        """Return the header's part for this visitor, who holds that many unpaid seats."""
        if visitor is None:
            return tuple(self._header(None, 0, section))
        name = Piece(escape(visitor.username).encode(), STORED)
        first, *others = self._header(visitor.role, held, section)
        return (first, *(piece for other in others for piece in (name, other)))

    def _header(self, role: Role | None, held: int, section: str) -> list[Piece]:
        """Return the pieces around the username, which are the same for all visitors with a role."""
        key = (role, held, section)
        cached = self._headers.get(key)
        if cached is None:
            template = self._environment.get_template("kit/visitor.html")
            nobody = None if role is None else Visitor(0, NAME_SLOT, "", role)
            entries = self.navigation.shown_to(role, held)
            text = template.render(visitor=nobody, held=held, section=section, entries=entries)
            cached = [Piece(part.encode()) for part in text.split(NAME_SLOT)]
            if len(self._headers) >= MAX_KEPT:
                self._headers.clear()
            self._headers[key] = cached
        return cached


def _keep(store: OrderedDict[Hashable, Any], key: Hashable, value: Any) -> None:  # noqa: ANN401
    store[key] = value
    store.move_to_end(key)
    if len(store) > MAX_KEPT:
        store.popitem(last=False)


class _Environment(Environment):
    """Jinja2, with the environment's globals passed to templates unchanged, and templates value by name alone.

    Without it each rendering and each import copies a chain of two maps: a seventh of what a small page costs. A name
    is looked up three times for a page, 3 us each with the lock and the weak reference of Jinja2's own cache.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  (Jinja2's own)
        """Accept the options of Jinja2's Environment."""
        super().__init__(**options)
        self._templates: dict[str, Template] = {}

    def overlay(self, *arguments: Any, **options: Any) -> Self:  # noqa: ANN401
        """Return Jinja2's overlay, with its own compiled templates."""
        made = super().overlay(*arguments, **options)
        made._templates = {}  # noqa: SLF001  (one of its own kind)
        return made

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  (Jinja2's name)
    ) -> Template:
        """Return the template from a plain dict: templates are few, and do not change while the portal runs."""
        if not isinstance(name, str) or globals:
            return super().get_template(name, parent, globals)
        cached = self._templates.get(name)
        if cached is None:
            cached = self._templates[name] = super().get_template(name, parent, globals)
        return cached

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,  # noqa: FBT001, FBT002  (Jinja2's)
    ) -> str:
        """Compile the template with its constant sentences already translated: the catalogue is loaded before."""
        return super()._generate(_Translated().visit(source), name, filename, defer_init)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the environment's own map; no template of the portal has globals of its own."""
        return super().make_globals(d) if d else self.globals


class _Translated(NodeTransformer):
    """Replaces each sentence without placeholders by its translation, which saves a call for each page."""

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  (named after the class of nodes)
        """Return the text of `_('...')`, and any other call as it is."""
        call = self.generic_visit(node)
        assert isinstance(call, nodes.Call)  # noqa: S101
        is_lookup = isinstance(call.node, nodes.Name) and call.node.name in ("_", "gettext")
        if not is_lookup or len(call.args) != 1 or call.kwargs or call.dyn_args or call.dyn_kwargs:
            return call
        (message,) = call.args
        if not isinstance(message, nodes.Const):
            return call
        return nodes.TemplateData(gettext(message.value) % {}, lineno=call.lineno)


def environment(settings: Settings, packages: Iterable[str], writing: Writing) -> Environment:
    """Return Jinja2 with escaping, undefined names as errors, gettext, and the fest's formats of money and time."""
    names = tuple(packages)
    made = _Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in names]),
        autoescape=True,
        undefined=StrictUndefined,
        # Reloading would check each file for every page; in development the whole process restarts instead.
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update({"_": _gettext, "gettext": _gettext, "ngettext": _ngettext})
    made.globals.update(
        assets=_asset_urls(names),
        language=page_language(settings.locale),
        cut=Markup(CUT),  # noqa: S704  (a constant)
    )
    made.filters.update(
        money=writing.money,
        price=writing.price,
        day=writing.day,
        day_time=writing.day_time,
        time=writing.time,
        when=writing.when,
        end=writing.end,
        date=writing.date,
        iso=writing.iso,
        stub=_stubs(made, writing),
        left=minutes_left,
        translated=gettext,
        countdown=countdown,
    )
    return made


@pass_eval_context
def _gettext(context: EvalContext, message: str, /, **values: object) -> str:
    """Translate a sentence of a template, as Jinja2's own function does, which copies the context of each loop for it.

    With that one, rendering /my-events took three times as long.
    """
    return _filled(gettext(message), context.autoescape, **values)


@pass_eval_context
def _ngettext(context: EvalContext, singular: str, plural: str, num: int, /, **values: object) -> str:
    return _filled(ngettext(singular, plural, num), context.autoescape, **{"num": num, **values})


@lru_cache(4096, typed=True)  # by type too: markup and the same text before it is escaped are equal
def _filled(text: str, is_escaped: Any, /, **values: object) -> str:  # noqa: ANN401  (as Jinja2 has it)
    if not is_escaped:
        return text % values
    return Markup(text % {name: escape(value) for name, value in values.items()})  # noqa: S704  (our own sentences)


def _stubs(templates: Environment, writing: Writing) -> Callable[[Milliseconds], Markup]:
    """Return the macro `stub`, called once a year for each moment: it saves four calls for every card."""

    @lru_cache(4096)
    def stub_in(_year: int, at: Milliseconds) -> Markup:
        macro = templates.get_template("kit/parts.html").module.stub  # type: ignore[attr-defined]
        return Markup(macro(at, writing.other_year(at)))  # noqa: S704  (autoescaped)

    return lambda at: stub_in(writing.year(), at)


def countdown(span: Milliseconds) -> str:
    """Return `12 min 05 s left`, as festgate.js writes it afterwards."""
    seconds = -(-span // SECOND)
    if seconds <= 0:
        return gettext("time is up")
    minutes = seconds // 60
    if minutes >= 120:  # noqa: PLR2004
        return gettext("{hours} hours left").format(hours=minutes // 60)
    return gettext("{minutes} min {seconds} s left").format(minutes=minutes, seconds=f"{seconds % 60:02}")


@lru_cache(maxsize=4)
def _asset_urls(packages: tuple[str, ...]) -> Mapping[str, str]:
    """Return each static file's address, with a hash of its content: browsers may keep the file for ever.

    A module's files are in its `static/<module>/` and are named `<module>/<file>`.
    """
    urls: dict[str, str] = {}
    for package in packages:
        folder = files(package) / "static"
        if not folder.is_dir():
            continue
        entries = {entry.name: entry for entry in folder.iterdir()}
        for name, entry in [*entries.items()]:
            if entry.is_dir():
                entries |= {f"{name}/{inner.name}": inner for inner in entry.iterdir()}
        urls |= {
            name: f"/static/{name}?v={hashlib.sha256(entry.read_bytes()).hexdigest()[:12]}"
            for name, entry in entries.items()
            if entry.is_file()
        }
    return urls
