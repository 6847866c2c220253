"""Axe in a real browser: the automatic checks of WCAG 2.2, levels A and AA."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]},
    # Axe runs the rule that WCAG 2.2 AA added (targets of 24 pixels) only if it is enabled.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
COLOURS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
# The contrast of texts in pictures is not checked: axe compares `color`, and such a text has the colour of `fill`. For
# a text on a shape it reports nothing in any case, after 30 ms for each text of a chart.
# Axe parses the few colours of a page again for every element, which takes a quarter of a run.
# It keeps the fields of colours in WeakMaps, as code for old browsers does: a third of a run on a long page.
# Here a symbol is the name of such a field.
SCRIPT = f"""((WeakMap, WeakSet) => {{
{Axe().axe_script}
}})(
  class {{
    field = Symbol();
    has(owner) {{ return this.field in owner; }}
    get(owner) {{ return owner[this.field]; }}
    set(owner, value) {{ owner[this.field] = value; return this; }}
  }},
  class {{
    member = Symbol();
    has(owner) {{ return this.member in owner; }}
    add(owner) {{ owner[this.member] = true; return this; }}
  }},
);
{{
  const colour = axe.commons.color.Color.prototype, parse = colour.parseString, parsed = new Map();
  colour.parseString = function (text) {{
    if (!parsed.has(text)) parsed.set(text, parse.call(new axe.commons.color.Color(0, 0, 0), text));
    const {{ r, g, b, alpha }} = parsed.get(text);
    return Object.assign(this, {{ r, g, b, alpha }});
  }};
}}
axe.configure({{rules: [{{id: "color-contrast", selector: "*:not(svg *)"}}]}});
"""
"""Axe for a page. As a script with which every page of a browser context begins, it costs a third less."""
# The full result of axe also lists every rule that passed, which takes longer to transfer than to compute.
RUN = "rules => 'axe' in window ? axe.run(rules).then(results => results.violations) : null"


def violations(page: Page, *, colours_only: bool = False) -> list[str]:
    """Return a line for each violation, with the rule, its demand and the element.

    `colours_only` checks only the rules that depend on colours.
    """
    rules = COLOURS if colours_only else RULES
    results = page.evaluate(RUN, rules)
    if results is None:
        page.evaluate(SCRIPT)
        results = page.evaluate(RUN, rules)
    return [
        f"{violation['id']}: {violation['help']}: {' '.join(map(str, node['target']))}"
        for violation in results
        for node in violation["nodes"]
    ]
