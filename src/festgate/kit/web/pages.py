"""Templates, and pages that are rendered once for each version of what they show.

A page is kept as pieces: those of the frame around it, which all pages share, and its own before and after the
visitor's part of the header. So one rendering serves everyone, and a page that one person sees once is rendered and
compressed without its frame. A kept page is rendered again when the data that it shows differ, and not before.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol, Self
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from festgate.kit.clock import MINUTE, SECOND, Milliseconds, minutes_left, moment
from festgate.kit.money import Money
from festgate.kit.translation import gettext, ngettext, page_language
from festgate.kit.visitors import Role, Visitor
from festgate.kit.web.compression import QUICK, STORED, Piece
from festgate.kit.web.navigation import NO_ENTRIES, Navigation
from festgate.settings import Settings

MAX_KEPT = 1024
"""Pages in memory: about 20 MB if each were as long as the list of events, and most are a tenth of that."""
CUT = "<!--cut-->"
"""Where the frame, and what fills it, are cut into pieces; what people write is escaped, so it holds none."""
NAME_SLOT = "(name)"
"""Where a username goes; no username has a bracket."""


class Shown(Protocol):
    """What a kept page shows: a frozen dataclass whose equality means that the page would come out the same."""

    @property
    def until(self) -> Milliseconds:
        """When it may change without a commit: a hold that lapses, sales that open."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page but for its visitor's part of the header."""

    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


@dataclass(slots=True)
class Kept:
    """A page that is kept, and for how long."""

    shown: Shown
    version: object
    until: Milliseconds
    page: Rendered
    held: int | None = None
    """How many unpaid seats its visitor holds, where the page knows."""


class Pages:
    """The templates of all modules, and the kept pages."""

    def __init__(
        self, settings: Settings, packages: Iterable[str], navigation: Navigation = NO_ENTRIES
    ) -> None:
        """`packages` are the modules that have templates, as `festgate.portal.catalogue`."""
        self._environment = environment(settings, packages)
        self._environment.globals["navigation"] = self.navigation = navigation
        self._environment.globals["fragment"] = self.fragment
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._fragments: OrderedDict[Hashable, Markup] = OrderedDict()
        self._frames: dict[str, list[Piece]] = {}
        self._headers: dict[tuple[Role | None, int, str], list[Piece]] = {}

    def render(self, template: str, section: str = "", level: int = QUICK, **context: Any) -> Rendered:  # noqa: ANN401
        """A page in its frame; `level` of compression by how often it will be sent."""
        head, main = self._environment.get_template(template).render(context).split(CUT)
        top, navigation, rest, foot = self._frame(section)
        return Rendered(
            (top, Piece(head.encode(), STORED), navigation), (rest, Piece(main.encode(), level), foot)
        )

    def _frame(self, section: str) -> list[Piece]:
        found = self._frames.get(section)
        if found is None:
            text = self._environment.get_template("kit/frame.html").render(section=section)
            found = self._frames[section] = [Piece(part.encode()) for part in text.split(CUT)]
        return found

    def text(self, template: str, **context: Any) -> str:  # noqa: ANN401
        """A template that is no page: the body of a mail."""
        return self._environment.get_template(template).render(**context)

    def fragment(self, template: str, shown: Hashable) -> Markup:
        """A piece of a page, such as one event's card, rendered once for each value of what it shows."""
        key = (template, shown)
        found = self._fragments.get(key)
        if found is None:
            found = Markup(self._environment.get_template(template).render(shown=shown))  # noqa: S704  (autoescaped)
            _keep(self._fragments, key, found)
        return found

    def kept(self, key: Hashable) -> Kept | None:
        """The page kept under `key`, if there is one."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, kept: Kept) -> None:
        """Keep a page; the one that was asked for longest ago makes room."""
        _keep(self._kept, key, kept)

    def visitor_part(self, visitor: Visitor | None, held: int, section: str) -> tuple[Piece, ...]:
        """The header's own part for this visitor, who holds that many unpaid seats."""
        if visitor is None:
            return tuple(self._header(None, 0, section))
        name = Piece(escape(visitor.username).encode(), STORED)
        first, *others = self._header(visitor.role, held, section)
        return (first, *(piece for other in others for piece in (name, other)))

    def _header(self, role: Role | None, held: int, section: str) -> list[Piece]:
        """The same for all of a role but for their name, which stands between these: a rush brings new names only."""
        key = (role, held, section)
        found = self._headers.get(key)
        if found is None:
            template = self._environment.get_template("kit/visitor.html")
            nobody = None if role is None else Visitor(0, NAME_SLOT, "", role)
            entries = self.navigation.shown_to(role)
            text = template.render(visitor=nobody, held=held, section=section, entries=entries)
            found = [Piece(part.encode()) for part in text.split(NAME_SLOT)]
            if len(self._headers) >= MAX_KEPT:
                self._headers.clear()
            self._headers[key] = found
        return found


def _keep(store: OrderedDict[Hashable, Any], key: Hashable, value: Any) -> None:  # noqa: ANN401
    store[key] = value
    store.move_to_end(key)
    if len(store) > MAX_KEPT:
        store.popitem(last=False)


class _Environment(Environment):
    """Jinja2, where a template takes the environment's globals as they are, and is found by its name alone.

    Without it each rendering and each import copies a chain of two maps: a seventh of what a small page costs. A name
    is looked up three times for a page, 3 us each with the lock and the weak reference of Jinja2's own cache.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  (Jinja2's own)
        """As Jinja2's."""
        super().__init__(**options)
        self._found: dict[str, Template] = {}

    def overlay(self, *arguments: Any, **options: Any) -> Self:  # noqa: ANN401
        """As Jinja2's; what it compiles is its own."""
        made = super().overlay(*arguments, **options)
        made._found = {}  # noqa: SLF001  (one of its own kind)
        return made

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  (Jinja2's name)
    ) -> Template:
        """As Jinja2's; templates do not change while the portal runs, and there are few."""
        if not isinstance(name, str) or globals:
            return super().get_template(name, parent, globals)
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = super().get_template(name, parent, globals)
        return found

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The one map; no template of ours brings globals of its own."""
        return super().make_globals(d) if d else self.globals


def environment(settings: Settings, packages: Iterable[str]) -> Environment:
    """Jinja2 with escaping on, undefined names as errors, and the fest's way to write money and time."""
    names = tuple(packages)
    made = _Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in names]),
        autoescape=True,
        undefined=StrictUndefined,
        # A look at each file for every page; in development the whole process starts again instead.
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update({"_": _gettext, "gettext": _gettext, "ngettext": _ngettext})
    writing = Writing(settings)
    made.globals.update(
        fest={"name": settings.fest_name, "tagline": settings.fest_tagline},
        assets=_asset_urls(names),
        language=page_language(settings.locale),
        cut=Markup(CUT),  # noqa: S704  (a constant)
    )
    made.filters.update(
        money=writing.money,
        day=writing.day,
        time=writing.time,
        when=writing.when,
        end=writing.end,
        date=writing.date,
        iso=writing.iso,
        stub=_stubs(made),
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


def _stubs(templates: Environment) -> Callable[[Milliseconds], Markup]:
    """The macro `stub`, called once for each moment: three calls of filters and one of a macro less for every card."""

    @lru_cache(4096)
    def stub(at: Milliseconds) -> Markup:
        return Markup(templates.get_template("kit/parts.html").module.stub(at))  # type: ignore[attr-defined]  # noqa: S704

    return stub


class Writing:
    """Money and moments as the fest's locale and time zone write them."""

    def __init__(self, settings: Settings) -> None:
        """Every result is remembered: Babel takes 50 to 100 us, and a fest has few different moments."""
        self._locale = settings.locale
        self._zone = settings.zone
        self._day_of_minute = lru_cache(4096)(self._day)
        self._time_of_minute = lru_cache(4096)(self._time)
        self._when_of_minute = lru_cache(4096)(self._when)
        self.date = lru_cache(4096)(self._date)
        self.iso = lru_cache(4096)(self._iso)
        self.end = lru_cache(4096)(self._end)

    def money(self, amount: Money) -> str:
        """`₹500.00`."""
        return amount.shown(self._locale)

    def day(self, at: Milliseconds | date) -> str:
        """`Sun, 22 Nov`, remembered by the minute."""
        return self._day_of_minute(at if isinstance(at, date) else at // MINUTE * MINUTE)

    def time(self, at: Milliseconds) -> str:
        """`18:00`, or as the locale has it: remembered by the minute, as every order has milliseconds of its own."""
        return self._time_of_minute(at // MINUTE * MINUTE)

    def when(self, at: Milliseconds) -> str:
        """`Sun, 22 Nov 2026, 18:00`, remembered by the minute."""
        return self._when_of_minute(at // MINUTE * MINUTE)

    def _end(self, at: Milliseconds, start: Milliseconds) -> str:
        """`21:00`, or `Thu, 26 Nov, 09:00` where it is not the day of the start."""
        same_day = local_day(at, self._zone) == local_day(start, self._zone)
        return self.time(at) if same_day else f"{self.day(at)}, {self.time(at)}"

    def _iso(self, at: Milliseconds) -> str:
        """For `datetime` attributes: `2026-11-22T18:00:00+05:30`."""
        return moment(at, self._zone).isoformat(timespec="seconds")

    def _day(self, at: Milliseconds | date) -> str:
        shown = at if isinstance(at, date) else moment(at, self._zone).date()
        return format_date(shown, "EEE, d MMM", locale=self._locale)

    def _date(self, at: Milliseconds, pattern: str) -> str:
        """By a pattern of Unicode's date fields: `EEE` for `Sun`, `d` for `22`, `MMM` for `Nov`."""
        return format_date(moment(at, self._zone).date(), pattern, locale=self._locale)

    def _time(self, at: Milliseconds) -> str:
        return format_time(moment(at, self._zone), "short", locale=self._locale, tzinfo=self._zone)

    def _when(self, at: Milliseconds) -> str:
        local = moment(at, self._zone)
        return f"{format_date(local.date(), 'EEE, d MMM y', locale=self._locale)}, {self._time(at)}"


def countdown(span: Milliseconds) -> str:
    """`12 min 05 s left`, as festgate.js writes it when it takes over."""
    seconds = -(-span // SECOND)
    if seconds <= 0:
        return gettext("time is up")
    minutes = seconds // 60
    if minutes >= 120:  # noqa: PLR2004
        return gettext("{hours} hours left").format(hours=minutes // 60)
    return gettext("{minutes} min {seconds} s left").format(minutes=minutes, seconds=f"{seconds % 60:02}")


def local_day(at: Milliseconds, zone: ZoneInfo) -> date:
    """The calendar day of a moment, where the fest is."""
    return datetime.fromtimestamp(at / 1000, zone).date()


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
