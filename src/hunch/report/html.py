"""View → one self-contained page: it opens offline, asks the network for nothing, and escapes every name."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import vl_convert

from hunch.evidence import Verdict
from hunch.plan import Plan
from hunch.report.charts import arrival_chart, curve_chart, curve_scales, site_chart
from hunch.report.forest import effect_chart, forest_chart, forest_height
from hunch.report.how import provenance_lines
from hunch.report.inputs_chart import inputs_chart
from hunch.report.looks_chart import looks_chart
from hunch.report.theme import DARK, LIGHT, dash_of, plain_spec, theme
from hunch.report.twins import Twin, arrival_twin, curve_twin, forest_twin, input_twin, reading_twin
from hunch.report.view import View, make_view
from hunch.traces import Provenance, RunTable

SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""What the page needs of the library."""

PAGE = Path(__file__).with_name("page")


def html_report(plan: Plan, table: RunTable, verdicts: Sequence[Verdict], provenance: Provenance) -> str:
    """The report as one page that opens offline.

    The same arguments give the same bytes. Provenance stands in the element `#provenance` alone.

    Args:
        plan: The plan.
        table: The runs.
        verdicts: The verdicts, in the order of the claims.
        provenance: When, where and with which versions the study was made.
    """
    view = make_view(plan, table, verdicts)
    has_same = any(v.effect is not None and v.effect.is_same for v in view.verdicts)
    return render_page(
        "page.html.j2", page_specs(view), provenance, view=view, dash_of=dash_of, has_same=has_same,
        twins=page_twins(view),
    )  # fmt: skip


def render_page(
    template: str, specs: Mapping[str, Mapping[str, Any]], provenance: Provenance, **shown: Any
) -> str:
    """A page with its charts, the chart library, and a policy under which nothing else runs.

    Args:
        template: Name of the template.
        specs: Vega-Lite specs, by the id of the element they are drawn in.
        provenance: When, where and with which versions the study was made.
        **shown: What the template lays out; `view` among it.
    """
    bundle, js = chart_library(), _asset("page.js")
    page = page_template(template).render(
        provenance=provenance_lines(provenance),
        specs={name: for_script(spec) for name, spec in specs.items()},
        config=for_script(theme("page")),
        css=_style(),
        bundle=bundle,
        js=js,
        policy=_policy([bundle, js]),
        **shown,
    )
    # A name that came from a broken file name may hold half a character, which no file can store.
    return page.encode("utf-8", "replace").decode("utf-8")


def page_specs(view: View) -> dict[str, dict[str, Any]]:
    """The Vega-Lite specs of the page, by the id of the element they are drawn in."""
    arms = [a.name for a in view.arms]
    charts: dict[str, Any] = {}
    for k, verdict in enumerate(view.verdicts):
        if verdict.effect is not None:
            charts[f"effect-{k}"] = effect_chart(verdict.effect).properties(height=34)
    for k, panel in enumerate(view.forest):
        charts[f"forest-{k}"] = forest_chart(panel).properties(height=forest_height(panel))
    for panel in view.curves:
        if not panel.absent:
            charts[_id("curve", panel.kind)] = curve_chart(panel, arms, log=panel.log).properties(
                height=300, usermeta={"hunch": curve_scales(panel)}
            )
    if not view.arrival.absent:
        charts["arrival-steps"] = arrival_chart(view.arrival, arms).properties(height=280)
    for k, panel in enumerate(view.inputs):
        charts[f"inputs-{k}"] = inputs_chart(panel, arms).properties(height=170 + 8 * len(panel.rows))
    for reading in view.readings:
        for k, site in enumerate(reading.sites):
            charts[_id("reading", f"{reading.reading}-{k}")] = site_chart(reading, site, arms).properties(
                height=130
            )
    for k, claim in enumerate(view.sure.claims):
        if claim.panel is not None:
            charts[f"looks-{k}"] = looks_chart(claim.panel).properties(height=190)
    return {name: plain_spec(chart.properties(width="container")) for name, chart in charts.items()}


def page_twins(view: View) -> dict[str, Twin]:
    """The tables with the numbers of pictures, by the id of the picture, or of what several share."""
    found = {f"forest-{k}": forest_twin(panel) for k, panel in enumerate(view.forest)}
    found |= {_id("curve", panel.kind): curve_twin(panel) for panel in view.curves if not panel.absent}
    if not view.arrival.absent:
        found["arrival-steps"] = arrival_twin(view.arrival)
    if view.inputs:
        found["inputs"] = input_twin(view.inputs)
    found |= {
        _id("reading", reading.reading): reading_twin(reading) for reading in view.readings if reading.sites
    }
    return found


def _id(kind: str, name: str) -> str:
    return f"{kind}-{name.replace('_', '-')}"


def for_script(value: object) -> str:
    """JSON that may stand inside a script element: no `<`, so that nothing in it can end the element.

    Example:
        >>> for_script("</script>") == '"' + chr(92) + 'u003c/script' + chr(92) + 'u003e"'
        True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def chart_library() -> str:
    """Vega, Vega-Lite and vega-embed as one script, in a form that may stand inside a script element."""
    text = str(vl_convert.javascript_bundle(SNIPPET)).replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(scripts: list[str]) -> str:
    """A content policy under which only these scripts run and nothing is loaded from anywhere."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def page_template(name: str) -> jinja2.Template:
    """A template of the folder `page`, in which everything is escaped that is not marked safe."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return found.get_template(name)


@cache
def _asset(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    """The style sheet with the arms' colours in it, so that they are written down once."""
    css = _asset("page.css")
    for mark, colours in (("/*ARMS-LIGHT*/", LIGHT), ("/*ARMS-DARK*/", DARK)):
        css = css.replace(mark, " ".join(f"--arm-{k}: {c};" for k, c in enumerate(colours)))
    return css
