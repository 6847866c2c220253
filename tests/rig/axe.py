"""Axe on a page in a real browser: what of WCAG 2.2, levels A and AA, a program can see."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]},
    # Axe leaves the one rule that WCAG 2.2 AA added (targets of 24 pixels) off unless it is asked for.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
COLOURS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
# Axe's whole answer also has every rule that was kept, which takes longer to bring over than to find.
LOOK = "rules => axe.run(rules).then(found => found.violations)"


def violations(page: Page, *, colours_only: bool = False) -> list[str]:
    """A line for each place that breaks a rule: the rule, what it asks, the element; empty when all is well.

    `colours_only` looks at nothing but what a page in other colours can break.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(LOOK, COLOURS if colours_only else RULES)
    return [
        f"{violation['id']}: {violation['help']}: {' '.join(map(str, node['target']))}"
        for violation in found
        for node in violation["nodes"]
    ]
