"""The options of Locust and of a locustfile, read by Locust's own parser as `locust` reads them.

They come from the words after `--` on the command line, from variables of the environment, and from `locust.conf`. The
load, its duration and the target are the plan's.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Never

from locust.argument_parser import (
    DEFAULT_CONFIG_FILES,
    get_empty_argument_parser,
    get_parser,
    setup_parser_arguments,
)
from locust.env import Environment

from festgate.rehearsal.load.hooks import listener_errors
from festgate.rehearsal.load.locustfile import CannotStart, Locustfile
from festgate.rehearsal.runs.plan import Plan, Users, is_built_in

USED: Final = frozenset({"host", "tags", "exclude_tags", "user_classes", "config_users", "equal_weights"})
"""Options of Locust that a rehearsal follows."""
WITHOUT_EFFECT: Final = frozenset(
    {"autoquit", "autostart", "config", "headful", "headless", "locustfile", "only_summary", "print_stats"}
)
"""Options of Locust that would not change what is sent."""


class LocustOptions:
    """The options of one run."""

    def __init__(self, file: Locustfile, plan: Plan) -> None:
        """Read them. Raises CannotStart."""
        self._file = file
        self._plan = plan
        built_in = is_built_in(plan.journey)
        locust = get_empty_argument_parser(default_config_files=[])
        setup_parser_arguments(locust)  # type: ignore[no-untyped-call]
        self._locust = {action.dest: action for action in locust._actions}  # noqa: SLF001  (argparse has no other name)
        errors: list[str] = []
        with listener_errors(errors.append):
            parser = get_parser(default_config_files=[] if built_in else DEFAULT_CONFIG_FILES)
        if errors:
            msg = f"A listener of `init_command_line_parser` raised {errors[0]}."
            raise CannotStart(msg)
        self._own = [action for action in parser._actions if action.dest not in self._locust]  # noqa: SLF001
        self._check_secrets()
        setattr(parser, "exit", self._refuse)  # noqa: B010  (a method of argparse, which ends the process)
        # The journeys of Festgate have no options, so options for a user's locustfile do not apply to them.
        environment: dict[str, Any] = {"env_vars": {}} if built_in else {}
        try:
            self.values = parser.parse_args(list(plan.arguments), **environment)
        except CannotStart:
            raise
        except Exception as error:  # noqa: BLE001  (the `type` of an option is the locustfile's code)
            msg = f"The options of {file.path.name} cannot be read: {type(error).__name__}: {error}."
            raise CannotStart(msg) from None
        if built_in:
            self.values.user_classes = []
        self.unused = tuple(self._unused(vars(locust.parse_args([], env_vars={}))))
        """The options of Locust that were set and that a rehearsal does not use, as they are written."""
        self.host = self.values.host or ""
        """The target, if these options name one."""
        load = plan.load
        users = (load.users, load.spawn_rate) if isinstance(load, Users) else (None, None)
        self.values.num_users, self.values.spawn_rate = users
        self.values.run_time = round(plan.warm_up + plan.duration)
        self.values.host = plan.host or self.host or None
        self.values.headless = True

    def _check_secrets(self) -> None:
        """Raise CannotStart if the value of a secret option would be stored in the run's folder."""
        words = {word.partition("=")[0] for word in self._plan.arguments}
        for action in self._own:
            if getattr(action, "is_secret", False) and not words.isdisjoint(action.option_strings):
                variable = getattr(action, "env_var", None)
                place = f"the variable {variable} of the environment" if variable else "locust.conf"
                msg = (
                    f"{action.option_strings[-1]} is secret, and the command line is kept with the run: set it in"
                    f" {place} instead."
                )
                raise CannotStart(msg)

    def _refuse(self, status: int = 0, message: str | None = None) -> Never:
        """Raise CannotStart with the parser's message, or with the locustfile's own options after `--help`."""
        own = ", ".join(
            f"{'/'.join(action.option_strings)}{f' ({action.help})' if action.help else ''}"
            for action in self._own
            if action.option_strings
        )
        options = f"Its own options are {own}." if own else "It has no options of its own."
        name = self._file.path.name
        if status == 0 or message is None:
            msg = f"{name}: {options}"
        else:
            # The parser's suggestion is a line of its own.
            reason = ". ".join(message.partition("error: ")[2].strip().rstrip(".").split("\n"))
            msg = f"{name}, options after `--`: {reason}{'' if reason.endswith('?') else '.'} {options}"
        raise CannotStart(msg)

    def _unused(self, defaults: Mapping[str, object]) -> Iterator[str]:
        for dest, default in defaults.items():
            if dest not in USED | WITHOUT_EFFECT and getattr(self.values, dest) != default:
                names = self._locust[dest].option_strings
                yield next((name for name in names if name.startswith("--")), dest)


def configure(environment: Environment, file: Locustfile, options: argparse.Namespace) -> None:
    """Set these options in the environment, and select its user classes and tasks by them. Raises CannotStart."""
    classes = {user_class.__name__: user_class for user_class in file.classes}
    if len(classes) < len(set(file.classes)):
        msg = f"{file.path} has several user classes of the same name. Locust needs different names."
        raise CannotStart(msg)
    unknown = [name for name in options.user_classes if name not in classes]
    if unknown:
        msg = (
            f"{unknown[0]} is no user class of {file.path.name}, which has {', '.join(classes)}. Options of the"
            " locustfile come after `--`; give --tags once for each tag."
        )
        raise CannotStart(msg)
    chosen = [classes[name] for name in dict.fromkeys(options.user_classes)] or list(classes.values())
    environment.user_classes[:] = chosen
    environment.available_user_classes = dict[str, Any](classes)
    tasks_of = {name: user_class.tasks for name, user_class in classes.items()}
    environment.available_user_tasks = tasks_of
    environment.parsed_options = options
    environment.locustfile, environment.parsed_locustfiles = file.path.name, [str(file.path)]
    for settings in chain.from_iterable(options.config_users or ()):
        _check_user_settings(file, tasks_of, settings)
        environment.update_user_class(settings)  # type: ignore[no-untyped-call]
    if options.equal_weights:
        environment.assign_equal_weights()
    environment._filter_tasks_by_tags()  # noqa: SLF001  (Locust calls it when its own runner starts)
    if not (options.tags or options.exclude_tags):
        return
    empty = [user_class.__name__ for user_class in chosen if not user_class.tasks]
    if empty:
        others = [user_class.__name__ for user_class in chosen if user_class.tasks]
        remedy = f"Name the others after `--`: {' '.join(others)}." if others else "Choose other tags."
        msg = f"With these tags, {', '.join(empty)} of {file.path.name} has no task left. {remedy}"
        raise CannotStart(msg)


def _check_user_settings(
    file: Locustfile, tasks_of: Mapping[str, Sequence[Any]], settings: Mapping[str, object]
) -> None:
    """Raise CannotStart if an entry of --config-users does not fit the locustfile; Locust would fail during the run.

    `tasks_of` are the tasks of each user class.
    """
    name = str(settings["user_class_name"])
    if name not in tasks_of:
        msg = f"--config-users: {file.path.name} has no user class '{name}'."
        raise CannotStart(msg)
    tasks = {str(task.__name__) for task in tasks_of[name]}
    chosen = settings.get("tasks", [])
    if not isinstance(chosen, list) or not tasks.issuperset(chosen):
        msg = f"--config-users: the tasks of {name} have to be a list of these: {', '.join(sorted(tasks))}."
        raise CannotStart(msg)
    for key in ("weight", "fixed_count"):
        if not isinstance(settings.get(key, 0), int | float):
            msg = f"--config-users: the {key} of {name} has to be a number."
            raise CannotStart(msg)
