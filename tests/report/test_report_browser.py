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


TEXTS = "h1, h2, h3, p, dt, dd, figcaption, summary, button, a:not(.skip), li"
OUTSIDE = f"""[...document.querySelectorAll('{TEXTS}')].filter(e => {{
    if (e.closest('.scroll') || e.closest('#vg-tooltip-element')) return false;
    const place = e.getBoundingClientRect(), spills = e.clientWidth && e.scrollWidth > e.clientWidth + 1;
    return place.width && (place.left < -1 || place.right > document.documentElement.clientWidth + 1 || spills);
}}).map(e => e.textContent.slice(0, 40))"""


@pytest.mark.parametrize("width", [360, 1440])
def test_no_text_is_clipped_folded_away_or_not(browser, demo_file, width):
    browser.open(demo_file, width=width)
    assert browser.run(OUTSIDE) == []
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run(OUTSIDE) == []
    wide, seen = browser.run(WIDTHS)
    assert wide <= seen == width
    browser.run(
        "document.querySelector('h1').style.whiteSpace = 'nowrap'; document.querySelector('h1').append('x'.repeat(999))"
    )
    assert len(browser.run(OUTSIDE)) == 1  # the check can fail


def press(browser, key, code):
    for kind in ("keyDown", "keyUp"):
        text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text
        )


FOCUSED = """(() => { const e = document.activeElement, style = getComputedStyle(e), place = e.getBoundingClientRect();
    return [e.tagName.toLowerCase(), e.className, parseFloat(style.outlineWidth) > 1 && style.outlineStyle !== 'none',
            place.left >= 0, e.getAttribute('aria-label') || e.textContent.trim()]; })()"""


def test_everything_is_reached_by_the_keyboard_and_seen_to_be(browser, demo_file):
    browser.open(demo_file)
    seen = []
    for _ in range(80):
        press(browser, "Tab", 9)
        seen.append(browser.run(FOCUSED))
        if seen[-1][0] == "body":
            break
    assert seen.pop()[0] == "body"  # round once, without a trap
    assert seen[0][:2] == ["a", "skip"]
    assert seen[0][3]  # what is far outside comes in when it has the focus
    assert all(outlined for _, _, outlined, _, _ in seen)
    assert all(name for *_, name in seen)
    tags = [tag for tag, *_ in seen]
    assert {"a", "summary", "button", "div"} == set(tags)
    n = browser.run(
        "document.querySelectorAll('a, summary, button, details[open] [tabindex], main > section > [tabindex]').length"
    )
    assert len(seen) == n
    browser.run("document.querySelector('summary').focus()")
    press(browser, "Enter", 13)
    assert browser.run("document.querySelector('details').open")
    browser.run("document.querySelector('.key button').focus()")
    press(browser, "Enter", 13)
    assert browser.run("document.querySelector('.key button').getAttribute('aria-pressed')") == "true"


def test_on_paper_there_is_all_but_what_one_would_press(browser, demo_file):
    browser.open(demo_file, width=720)
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    gone = "[...document.querySelectorAll('{}')].filter(e => e.getBoundingClientRect().height > 0).length"
    for what in ("nav", ".skip", ".switch", "details:not([open])"):
        assert browser.run(gone.format(what)) == 0
    for what in (".chart svg", ".reasons", "#runs tbody tr"):
        assert browser.run(gone.format(what)) > 0
    assert browser.run(DRAWN) == browser.run("document.querySelectorAll('script[data-chart]').length")
    wide, seen = browser.run(WIDTHS)
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    assert wide <= seen
    paper = browser.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]
    assert len(paper) > 50_000


@pytest.mark.slow
def test_a_thousand_runs_open_within_a_second_and_a_half(browser, studies, tmp_path):
    """In seconds of the page's own thread, which a busy machine does not lengthen; docs/report.md has the number."""
    arms = ("none", "before", "after", "l2", "drop")
    claims = (faster("before", than="none"), faster("before", than="after"))
    plan = studies.plan(arms=arms, n=200, budget=1500, claims=claims)
    path = tmp_path / "thousand.html"
    verdicts = [studies.verdict(claim) for claim in claims]
    path.write_text(html_report(plan, studies.table(plan), verdicts, studies.provenance()), encoding="utf-8")
    assert path.stat().st_size < 2_000_000
    browser.call("Performance.enable", timeDomain="threadTicks")

    def busy():
        return {m["name"]: m["value"] for m in browser.call("Performance.getMetrics")["metrics"]}[
            "TaskDuration"
        ]

    took = []
    for _ in range(3):
        browser.call("Page.navigate", url="about:blank")
        before = busy()
        browser.open(path)
        took.append(busy() - before)
    browser.call("Performance.disable")
    assert min(took) < 1.5
    assert browser.complaints() == []
