"""Whatever users call things, pages, drawings and notebooks show it and never run it."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_reader import Reader

from hunch.evidence import decide
from hunch.plan import faster
from hunch.report import Shown, chart_picture, html_report, overview_page, study_fragment, verdict_view
from hunch.report.svg import drawable
from hunch.results import Study
from hunch.traces import SiteFact

PARTS = (
    "</script>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "-->", "]]>", "{{ 7 * 7 }}",
    "{% raw %}", '" onload="alert(1)', "' onclick='alert(1)'", "&lt;b&gt;", "&#60;", "javascript:alert(1)", "\\u003c",
    "</style>", "<svg/onload=alert(1)>", "a.b[0]['c']", "datum.arm", "\u202e", "\u2028", "\x00", "\x1b[31m", "名前",
    "µ", "\ud800",
)  # fmt: skip
NAMES = st.lists(st.sampled_from(PARTS) | st.text(max_size=6), min_size=1, max_size=4).map("".join)
SOME = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def study_of(studies, first, second, elsewhere):
    """Plan, table, verdicts and provenance in which everything a user names is hostile."""
    plan = studies.plan(
        arms=(f"1{first}", f"2{second}"), n=6, budget=30, notes=(elsewhere,),
        claims=(faster(f"1{first}", than=f"2{second}"),),
    )  # fmt: skip
    facts = studies.facts(
        data_source=elsewhere, data_notes=(first,), network=second, engine_reason=elsewhere,
        sites=(SiteFact(f"a{elsewhere}", 8, 4, "sigmoid"), SiteFact(f"b{first}", 4, 2, None)),
    )  # fmt: skip
    bad = studies.trace(f"1{first}", 77, 30, facts, failed=elsewhere)
    table = studies.table(plan, facts=facts, extra=[bad])
    return plan, table, decide(plan, table), studies.provenance(machine=second)


def dangers(page):
    """What in a page could run or be fetched, beside its own two scripts."""
    reader = Reader(page)
    found = list(reader.problems)
    found += [tag for tag, _ in reader.tags if tag in ("img", "iframe", "object", "embed", "form", "base")]
    scripts = [(given_.get("type"), text) for given_, text in reader.scripts]
    if len([1 for kind, _ in scripts if kind != "application/json"]) > 2:
        found.append("more than two scripts run")
    for kind, text in scripts:
        if kind == "application/json":
            json.loads(text)
            if "<" in text or ">" in text:
                found.append("a bracket within JSON")
    return found


def test_the_search_for_dangers_finds_them():
    assert "img" in dangers("<p><img src='data:,'></p>")
    assert "more than two scripts run" in dangers("<script>1</script><script>2</script><script>3</script>")
    assert "a bracket within JSON" in dangers('<script type="application/json">"<"</script>')
    assert any("is code" in found for found in dangers("<p onclick='f()'>a</p>"))


@pytest.mark.slow
@SOME
@given(first=NAMES, second=NAMES, elsewhere=NAMES)
def test_no_name_breaks_out_of_a_page(studies, first, second, elsewhere):
    study = study_of(studies, first, second, elsewhere)
    assert dangers(html_report(*study)) == []
    assert dangers(overview_page([Shown(elsewhere, *study)])) == []


@pytest.mark.slow
@SOME
@given(first=NAMES, second=NAMES, elsewhere=NAMES)
def test_no_name_breaks_out_of_a_drawing_or_a_notebook(studies, first, second, elsewhere):
    plan, table, verdicts, provenance = study_of(studies, first, second, elsewhere)
    for name in ("effects", "inputs"):
        svg = chart_picture(plan, table, verdicts, name, "svg").decode()
        tree = ElementTree.fromstring(svg)
        assert {node.tag.rpartition("}")[2] for node in tree.iter()} <= {
            "svg", "g", "path", "text", "rect", "line", "defs", "clipPath", "image", "tspan",
        }  # fmt: skip
        assert not [key for node in tree.iter() for key in node.attrib if key.lower().startswith("on")]
    shown = [
        study_fragment(
            first, second, [verdict_view(v, plan, table, verdicts) for v in verdicts], [elsewhere]
        ),
        Study(plan, table.facts, provenance, table)._repr_html_(),
    ]
    for fragment in shown:
        assert [problem for problem in dangers(fragment) if "stands twice" not in problem] == []
        assert "<script" not in fragment


@pytest.mark.parametrize("k", range(3))
def test_all_parts_in_every_place(studies, k):
    """A small version that is always on."""
    names = ["".join(PARTS[(k + j) % 3 :: 3]) for j in range(3)]
    plan, table, verdicts, provenance = study_of(studies, *names)
    assert dangers(html_report(plan, table, verdicts, provenance)) == []
    ElementTree.fromstring(chart_picture(plan, table, verdicts, "effects", "svg").decode())
    assert chart_picture(plan, table, verdicts, "inputs", "png", scale=1.0).startswith(b"\x89PNG")
    for chart in Study(plan, table.facts, provenance, table).charts().values():
        assert drawable(chart.to_dict(validate=False)) == chart.to_dict(validate=False)
