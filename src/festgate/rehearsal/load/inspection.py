"""The inspection of a locustfile before its run: `python -m festgate.rehearsal.load inspection PLAN`.

PLAN is a `plan.Plan` as JSON. It prints a line of JSON, the fields of `inspection.Inspection`; or `error`, the reason
why nothing can be sent. The file is imported in this process, as it will be in the run.
"""

import json
import os
from collections.abc import Iterator

from locust import FastHttpUser, HttpUser
from locust.env import Environment

from festgate.rehearsal.load.locustfile import CannotStart, is_web_class, load
from festgate.rehearsal.load.options import LocustOptions, configure
from festgate.rehearsal.load.progress import report
from festgate.rehearsal.load.share import empty_environment, redirect_output
from festgate.rehearsal.runs.plan import Plan, Rate, journey_file


def run(plan: str) -> int:
    """Inspect the file and report; return the exit code."""
    redirect_output(os.devnull)
    try:
        return inspect(Plan.from_json(json.loads(plan)))
    except CannotStart as error:
        report(error=str(error))
        return 2


def inspect(plan: Plan) -> int:
    """Inspect the plan's locustfile and report; return the exit code. Raises CannotStart."""
    file = load(journey_file(plan.journey))
    options = LocustOptions(file, plan)
    environment = empty_environment()
    configure(environment, file, options.values)
    host, hosts = _hosts(environment, options)
    report(
        host=host,
        hosts=hosts,
        without_host=[] if options.host else list(_without_host(environment)),
        ignored=list(_ignored(plan, environment, options)),
        shape=type(file.shape).__name__ if file.shape is not None else "",
        has_web_users=file.has_web_users,
        shape_takes_options=file.shape is not None and file.shape.use_common_options,
    )
    return 0


def _hosts(environment: Environment, options: LocustOptions) -> tuple[str, dict[str, str]]:
    """Return the host of all users; or none, and the different hosts of the user classes.

    Only hosts of web clients count if there are any: only the locustfile's own code can reach another one.
    """
    if options.host:
        return options.host, {}
    classes = environment.user_classes
    hosts = {user_class.__name__: str(user_class.host or "") for user_class in classes}
    if len(set(hosts.values())) == 1:
        return hosts.popitem()[1], {}
    web = [user_class.__name__ for user_class in classes if is_web_class(user_class)]
    return "", {name: hosts[name] for name in web or hosts if hosts[name]}


def _without_host(environment: Environment) -> Iterator[str]:
    """Return the web user classes without a host, except those whose own constructor may set it."""
    constructors = (HttpUser.__init__, FastHttpUser.__init__)
    for user_class in environment.user_classes:
        if is_web_class(user_class) and user_class.host is None and user_class.__init__ in constructors:
            yield user_class.__name__


def _ignored(plan: Plan, environment: Environment, options: LocustOptions) -> Iterator[str]:
    if options.unused:
        verb = "is" if len(options.unused) == 1 else "are"
        yield (
            f"{', '.join(options.unused)} of Locust {verb} not used: the options of this command set the load, its"
            " duration and the output."
        )
    fixed = [user_class.__name__ for user_class in environment.user_classes if user_class.fixed_count > 0]
    if fixed and isinstance(plan.load, Rate):
        yield (
            f"`fixed_count` of {', '.join(fixed)} is not used: with --rate, arrivals choose a user class by its weight."
        )
