"""The page in a real browser: nothing is missing or overflows, no complaint, nothing is asked for."""

import pytest

from hunch.plan import faster
from hunch.report import dose_page, html_report

DRAWN = """[...document.querySelectorAll('.chart')].filter(box => {
    const svg = box.querySelector('svg'), size = svg?.getBoundingClientRect();
    return svg && size.width > 40 && size.height > 30 && svg.querySelectorAll('path').length > 1;
}).length"""
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
CLIPPED = """[...document.querySelectorAll('.chart')].filter(box => {
    const outer = document.documentElement.clientWidth;
    return [...box.querySelectorAll('svg text')].some(text => {
        const place = text.getBoundingClientRect();
        return place.width && (place.left < -1 || place.right > outer + 1);
    });
}).map(box => box.id)"""


@pytest.fixture(scope="module")
def demo_file(demo_page, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "demo.html"
    path.write_text(demo_page, encoding="utf-8")
    return path


def test_the_browser_reports_errors_requests_and_overflow(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><body><div style='width:3000px'>wide</div><img src='other.png'><script>"
        "document.documentElement.dataset.drawn = 1; console.error('bad'); "
        "setTimeout(() => nothing.at.all, 0)</script>",
        encoding="utf-8",
    )
    browser.open(path, width=360)
    assert browser.run("new Promise(done => setTimeout(() => done(1), 200))") == 1
    assert any("bad" in c for c in browser.complaints())
    assert any("nothing is not defined" in c for c in browser.complaints())
    assert any(r.endswith("other.png") for r in browser.requests())
    wide, seen = browser.run(WIDTHS)
    assert wide > seen


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_chart_is_drawn_and_nothing_overflows_or_complains(browser, demo_file, width, dark):
    browser.open(demo_file, width=width, dark=dark)
    n = browser.run("document.querySelectorAll('script[data-chart]').length")
    assert n == 27
    assert browser.run(DRAWN) == n
    assert browser.run(CLIPPED) == []
    wide, seen = browser.run(WIDTHS)
    assert wide <= seen == width
    assert browser.complaints() == []
    assert browser.requests() == []


@pytest.mark.parametrize(
    "settings", [{}, {"looks": tuple(range(5, 41)), "sequence": "anytime"}, {"robust": True}],
    ids=["planned", "anytime", "robust"],
)  # fmt: skip
def test_the_looks_are_drawn_at_any_width(browser, studies, tmp_path, settings):
    path = tmp_path / "looks.html"
    path.write_text(html_report(*studies.looking(**settings)), encoding="utf-8")
    for width in (360, 1440):
        browser.open(path, width=width)
        n = browser.run("document.querySelectorAll('script[data-chart]').length")
        assert browser.run("document.querySelectorAll('.chart.look svg').length") == 4
        assert browser.run(DRAWN) == n
        assert browser.run(CLIPPED) == []
        wide, seen = browser.run(WIDTHS)
        assert wide <= seen == width
        assert browser.complaints() == []
        assert browser.requests() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["keep", "l2", "rates", "grid"])
def test_curves_of_doses_are_drawn_at_any_width(browser, dosed, tmp_path, kind, dark):
    path = tmp_path / "dose.html"
    path.write_text(dose_page(*getattr(dosed, kind)()), encoding="utf-8")
    for width in (360, 1440):
        browser.open(path, width=width, dark=dark)
        n = browser.run("document.querySelectorAll('script[data-chart]').length")
        assert n == (2 if kind in ("keep", "grid") else 1)
        assert browser.run(DRAWN) == n
        assert browser.run(CLIPPED) == []
        wide, seen = browser.run(WIDTHS)
        assert wide <= seen == width
        assert browser.complaints() == []
        assert browser.requests() == []


def test_a_knob_that_looks_like_code_is_shown_and_not_run(browser, dosed, tmp_path):
    path = tmp_path / "names.html"
    knob = "keep_prob at </script><script>alert(1)</script>'"
    path.write_text(
        dose_page(*dosed.made((knob,), (0.5, 0.8, 1.0), (0.4, 0.3, 0.31), default=0.5)), encoding="utf-8"
    )
    browser.open(path, width=360)
    assert browser.run(DRAWN) == 1
    assert browser.complaints() == []
    wide, seen = browser.run(WIDTHS)
    assert wide <= seen


def test_the_switch_and_the_key_work_without_complaints(browser, demo_file):
    browser.open(demo_file)
    labels = "[...document.querySelectorAll('#curve-cost svg text')].map(t => t.textContent).join(' ')"
    assert "0.01" not in browser.run(labels).split()
    browser.run("document.querySelector('[data-for=curve-cost] [data-scale=log]').click()")
    browser.run("new Promise(done => setTimeout(() => done(1), 500))")
    assert "0.01" in browser.run(labels).split()
    faint = "document.querySelectorAll('#curve-cost svg path[opacity=\"0.15\"]').length"
    assert browser.run(faint) == 0
    browser.run("document.querySelector('.key button[data-arm=before]').click()")
    browser.run("new Promise(done => setTimeout(() => done(1), 300))")
    assert browser.run(faint) > 0
    pressed = "[...document.querySelectorAll('.key [aria-pressed=true]')].map(b => b.dataset.arm).join()"
    assert browser.run(pressed) == "before,before,before"
    assert browser.complaints() == []


def test_names_that_look_like_code_are_shown_and_not_run(browser, studies, tmp_path):
    names = ("</script><script>alert(1)</script>", "a.b[0]['c']", "x" * 120)
    plan = studies.plan(arms=names, n=3, budget=60, claims=(faster(names[0], than=names[1]),))
    path = tmp_path / "names.html"
    verdicts = [studies.verdict(plan.claims[0])]
    path.write_text(html_report(plan, studies.table(plan), verdicts, studies.provenance()), encoding="utf-8")
    browser.open(path, width=360)
    assert browser.run(DRAWN) == browser.run("document.querySelectorAll('script[data-chart]').length")
    assert browser.complaints() == []
    assert browser.requests() == []
    wide, seen = browser.run(WIDTHS)
    assert wide <= seen
    lines = "document.querySelectorAll('#curve-cost .mark-line path').length"
    assert browser.run(lines) == len(names)
