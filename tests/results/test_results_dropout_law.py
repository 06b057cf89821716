"""`DropoutLaw` as people see it: frame, JSON, text, notebook; and docs/dropout.md, number by number."""

import doctest
import json
import math
import re
from pathlib import Path

import pytest

import hunch
from hunch.errors import PlanError
from hunch.evidence import number, percent
from hunch.report import count_rows

PAGE = (Path(__file__).parents[2] / "docs" / "dropout.md").read_text(encoding="utf-8")
KINDS = ("bernoulli", "exact", "gaussian")


def law(*args):
    return hunch.dropout_law(*args)


# ---- what comes out ------------------------------------------------------------------------------------------


def test_the_frame_has_a_row_for_each_number_that_can_be_kept():
    frame = law(12, 0.8).frame()
    assert list(frame) == ["kept", "share", "probability", "at_most"]
    assert frame["kept"].tolist() == list(range(13))
    assert frame["probability"].sum() == pytest.approx(1)
    assert (frame["probability"].cumsum() - frame["at_most"]).abs().max() < 1e-12
    assert frame["share"].iloc[-1] == 1
    assert law(12, 0.875, "exact").frame()["kept"].tolist() == [10, 11]
    with pytest.raises(PlanError, match="plan-kept-units"):
        law(12, 0.8, "gaussian").frame()


@pytest.mark.parametrize("kind", KINDS)
def test_json_holds_what_the_law_says(kind):
    found = law(12, 0.8, kind)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    for name in ("units", "keep_prob", "dropout", "mean", "sd", "relative_noise", "realised", "too_narrow"):
        assert told[name] == getattr(found, name)
    assert told["pytorch_p"] == pytest.approx(0.2)
    if kind == "gaussian":
        assert told["kept"] is told["none_dropped"] is told["all_dropped"] is None
    else:
        assert sum(chance for _, chance in told["kept"]) == pytest.approx(1)
        assert dict(told["kept"])[10] == found.probability(10)


def test_a_wide_layer_has_a_short_json():
    assert len(law(10**6, 0.5).to_json()["kept"]) < 10_000


def test_the_text_is_a_table_with_bars_and_what_follows():
    text = str(law(12, 11 / 12))
    lines = text.splitlines()
    assert lines[0].startswith("12 units, keep 0.9166666667 (PyTorch nn.Dropout(p=0.08333333333)), bernoulli")
    rows = [line.split() for line in lines[3:10]]
    assert rows[0][:3] == ["12", "35.2", "%"]
    assert rows[1][:3] == ["11", "38.4", "%"]
    assert rows[1][3] == "█" * 40
    assert [len(row[3]) for row in rows[:3]] == sorted(
        (len(row[3]) for row in rows[:3]), key=[37, 40, 20].index
    )
    assert rows[6][:5] == ["6", "or", "fewer", "0.0199", "%"]
    assert "nothing dropped  chance 35.2 %, one example in 2.84" in text
    assert 'exact            dropout="exact" keeps 11 in every example' in text
    assert "whole steps      a fixed number of kept units moves keep by 1/12 (0.0833) a unit" in text
    assert 'gaussian         dropout="gaussian" multiplies each unit by N(1, 0.302²)' in text
    assert "too narrow" not in text.lower()
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("layer", [(1, 0.5), (12, 0.5), (12, 1.0), (1024, 0.5), (100_000, 0.3), (3, 0.01)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_has_a_text_and_a_page_in_a_notebook(layer, kind):
    found = law(*layer, kind)
    text, shown = str(found), found._repr_html_()
    assert len(text.splitlines()) < 40
    assert ("Too narrow" in text) == ("Too narrow" in shown) == found.too_narrow
    assert ("units kept" in text) == (kind != "gaussian")
    for tag in ("table", "tr", "ul", "li", "p", "td"):
        assert shown.count(f"<{tag}>") + shown.count(f"<{tag} ") == shown.count(f"</{tag}>")
    if kind == "gaussian":
        assert "there is no number of kept units" in text
    else:
        rows = count_rows(found)
        assert sum(row.chance for row in rows) == pytest.approx(1, abs=1e-9)
        assert rows[0].most == found.support[-1]
        assert rows[-1].fewest == found.support[0]
        assert all(high.fewest == low.most + 1 for high, low in zip(rows, rows[1:], strict=False))
        assert len(rows) <= 18


def test_rows_say_which_counts_they_hold():
    labels = [row.label for row in count_rows(law(1024, 0.5), most=8)]
    assert labels[0] == "566 or more"
    assert labels[-1] == "458 or fewer"
    assert labels[1] == "552 to 565"
    assert [row.label for row in count_rows(law(3, 0.5))] == ["3", "2", "1", "0"]


def test_the_warning_says_what_would_do():
    assert (
        "Too narrow: noise 28.9 %; wide enough: keep 0.75 or more, or 36 units or more; "
        'dropout="gaussian" of equal variance: N(1, 1²).'
    ) in " ".join(str(law(12, 0.5)).split())
    assert "exactly k units are kept at keep k/12 with whole k" in " ".join(
        str(law(12, 0.12, "exact")).split()
    )


def test_a_law_is_a_value_that_can_be_pasted_back():
    from hunch import DropoutLaw

    found = law(12, 0.8)
    assert eval(repr(found), {"DropoutLaw": DropoutLaw}) == found
    assert isinstance(found.with_dropout("exact"), DropoutLaw)
    assert {found: 1}[law(12, 0.8)] == 1


# ---- the page in the docs ------------------------------------------------------------------------------------


def python_of(page):
    return "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))


def run(code):
    """(examples tried, failed, what was said)."""
    said = []
    test = doctest.DocTestParser().get_doctest(code, {}, "dropout.md", "docs/dropout.md", 0)
    done = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return done.attempted, done.failed, "".join(said)


def test_the_examples_of_the_docs_give_what_they_show():
    tried, failed, said = run(python_of(PAGE))
    assert tried >= 12
    assert failed == 0, said


def test_the_check_on_examples_can_fail():
    assert run(python_of(PAGE).replace("11.5", "11.4"))[1] == 1


def prose_of(page):
    """What stands outside code, tables and headings."""
    page = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    page = re.sub(r"`[^`]*`", "", page)
    lines = [line for line in page.splitlines() if not line.startswith(("|", "#", "    ", "!["))]
    return "\n".join(lines)


def numbers_of(text):
    """Every decimal fraction and percentage."""
    return set(re.findall(r"\d[\d,]*\.\d+(?: %)?|\d[\d,]* %", text))


def at_bound(units):
    """Chance that half of the mean or less is kept, at the least keep that is wide enough."""
    found = law(units, law(units, 0.5).least_keep)
    return found.at_most(int(found.mean / 2))


def distance(units):
    one, other = law(units, 0.9), law(units, 0.91)
    kept = range(units + 1)
    return abs(one.probability(kept) - other.probability(kept)).sum() / 2


def test_every_number_in_the_sentences_of_the_docs_is_computed():
    l12 = law(12, 11 / 12)
    extremes = [at_bound(units) for units in range(12, 2001)]
    computed = {
        percent(l12.probability(11)),
        percent(l12.none_dropped),
        percent(l12.at_most(10)),
        number(law(12, 23 / 24).mean),
        f"{100 * distance(12):.1f} %",
        f"{100 * distance(1024):.1f} %",
        percent(law(12, 0.5).relative_noise),
        percent(law(1024, 0.5).relative_noise),
        percent(law(12, 0.8).sign_flips),
        percent(law(12, 0.5).sign_flips),
        percent(round(at_bound(12), 4)),
        percent(round(at_bound(36), 4)),
        percent(round(min(extremes), 4)),
        percent(round(max(extremes), 4)),
        f"{2.0**-16:.7f}",
        "0.0002",
        number(law(12, 0.5).least_keep),
        *("0.9", "0.91", "0.8", "0.5"),  # keep probabilities that are asked for
    }
    assert numbers_of(prose_of(PAGE)) == computed
    assert 12 * 2.0**-16 < 0.0002
    assert law(36, 0.5).least_keep == pytest.approx(0.5)


def test_the_search_for_numbers_finds_them():
    assert numbers_of("11.5 units in 38.4 %, 26 % and 1,024.5 of 12; `0.1`") == {
        "11.5",
        "38.4 %",
        "26 %",
        "1,024.5",
        "0.1",
    }
    assert numbers_of(prose_of("| 0.3 |\n# 0.4\n`0.1` is 0.2\n")) == {"0.2"}


def table_row(label, keep):
    bernoulli, exact = law(12, keep), law(12, keep, "exact")
    least, one_more = exact.exact_steps
    keeps = f"{least}, or {least + 1} in {percent(one_more)}" if one_more else f"{least}"
    cells = [
        label, number(bernoulli.mean), number(bernoulli.sd), percent(bernoulli.relative_noise),
        percent(bernoulli.none_dropped), percent(bernoulli.all_dropped), keeps, percent(exact.relative_noise),
        f"N(1, {number(bernoulli.matched_gaussian_sd)}²)",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def test_the_table_of_the_docs_is_the_computed_one():
    keeps = {"0.5": 0.5, "0.8": 0.8, "0.875": 0.875, "11/12": 11 / 12}
    rows = [line for line in PAGE.splitlines() if re.match(r"\| [\d./]+ \|", line)]
    assert rows == [table_row(label, keep) for label, keep in keeps.items()]


def test_what_the_docs_say_about_batches_holds():
    # "a few times in ten batches of 64"
    assert 1 < 640 * at_bound(36) < 640 * at_bound(12) < 4
    # "1/64,000 of a unit"
    assert 64 * 1000 == 64_000
    assert math.isclose(law(12, 0.5).sd / 6, 0.289, abs_tol=1e-3)


def test_the_picture_of_the_docs_is_that_of_twelve_units():
    picture = (Path(__file__).parents[2] / "docs" / "dropout.svg").read_text(encoding="utf-8")
    assert "12 units, keep 0.916667 (PyTorch nn.Dropout(p=0.083333))" in picture
    assert "mean 11 (dashed), standard deviation 0.957" in picture
