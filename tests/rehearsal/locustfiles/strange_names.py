"""Names of steps that are long, or that a terminal, a table or a web page could misinterpret."""

from locust import task
from pauses import Guest

NAMES = [
    "a" * 300,
    "[bold red]markup[/] [/bold]",
    "<script>alert('name')</script> & <b>",
    "\x1b[31mred\x1b[0m \x07 \x00",
    "two\nlines\tand a tab",
    "comma, \"quoted\"; 'single' | bar",
    "गरबा रात 🎉 \u202ereversed",
    "100 % of {} and %s",
]


class Visitor(Guest):
    @task
    def see_the_events(self):
        for name in NAMES:
            self.look(name=name)
