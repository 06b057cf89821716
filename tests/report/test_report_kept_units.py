"""The picture of the law of kept units: what is drawn is the law, in light and dark, and nothing can break out."""

import json
import struct
from pathlib import Path

import pytest
import vl_convert

from hunch.errors import StoreError
from hunch.report import law_chart, law_text, laws_chart, laws_text, write_picture
from hunch.report.kept_units_chart import chance_ticks
from hunch.report.theme import DARK, INK, LIGHT, plain_spec
from hunch.stats import KeptUnits

LAYERS = {
    "0": KeptUnits(32, 0.8),
    "2": KeptUnits(12, 0.5),
    "blocks.4": KeptUnits(1024, 0.5),
    "6": KeptUnits(12, 0.9, "gaussian"),
    "8": KeptUnits(12, 0.9, "exact"),
}


def data_of(spec, name):
    """The rows of every data set that has that column."""
    return [row for rows in spec["datasets"].values() for row in rows if name in row]


def test_bars_are_the_chances():
    law = KeptUnits(12, 11 / 12)
    bars = data_of(plain_spec(law_chart(law)), "kept")
    assert [int(bar["kept"]) for bar in bars] == list(range(12, 4, -1))
    for bar in bars:
        kept = int(bar["kept"])
        assert bar["chance"] == law.probability(kept)
        assert bar["low"] < kept < bar["high"]


def test_wide_layers_have_bars_for_many_counts_of_the_same_height_as_one():
    law = KeptUnits(100_000, 0.3)
    bars = data_of(plain_spec(law_chart(law)), "kept")
    assert 20 < len(bars) <= 60
    assert max(bar["chance"] for bar in bars) == pytest.approx(law.probability(30_000), rel=0.02)


def test_shares_are_drawn_for_a_network_and_narrow_layers_are_marked():
    spec = plain_spec(laws_chart(LAYERS))
    assert len(spec["concat"]) == 5
    titles = [panel["title"] for panel in spec["concat"]]
    assert titles[1] == {
        "text": "layer 2: 12 units, keep 0.5",
        "subtitle": "bernoulli, noise 28.9 %: too narrow",
    }
    assert [t["subtitle"].endswith("too narrow") for t in titles] == [False, True, False, False, False]
    bars = [row for row in data_of(spec, "kept") if row["fit"] == "too narrow"]
    assert [int(row["kept"]) for row in bars] == list(range(12, -1, -1)), "those of 12 units at keep 0.5"
    assert {row["fit"] for row in data_of(spec, "fit")} == {"wide enough", "too narrow"}
    widest = max(row["high"] for row in data_of(spec, "high"))
    assert 1 < widest < 1.05


@pytest.mark.parametrize(
    "law", [*LAYERS.values(), KeptUnits(1, 0.5), KeptUnits(12, 1.0), KeptUnits(3, 1.0, "gaussian")]
)
def test_every_law_can_be_drawn_alone_and_as_a_layer(law):
    for chart in (law_chart(law), laws_chart({"0": law})):
        spec = plain_spec(chart)
        svg = vl_convert.vegalite_to_svg(spec)
        assert "NaN" not in json.dumps(spec["datasets"])
        assert svg.count("<path") > 3
        assert "http" not in json.dumps(spec)
        assert len(spec["description"]) > 20


def test_ticks_are_round_and_few_and_never_above_the_highest():
    for k in range(1, 1000):
        ticks = chance_ticks(k / 1000)
        assert 3 <= len(ticks) <= 5
        assert ticks[0] == 0
        assert ticks[-1] <= k / 1000 + 1e-12


def test_a_png_has_its_pixels_and_dark_differs_from_light(tmp_path):
    chart = laws_chart(LAYERS)
    for mode in ("light", "dark"):
        write_picture(chart, str(tmp_path / f"{mode}.png"), text="", title="", mode=mode)
    light, dark = (Path(tmp_path / f"{mode}.png").read_bytes() for mode in ("light", "dark"))
    width, height = struct.unpack(">II", light[16:24])
    assert (1400 < width < 2000) and (700 < height < 1000)
    assert light != dark


def test_an_svg_has_the_colours_of_its_mode(tmp_path):
    for mode, palette in (("light", LIGHT), ("dark", DARK)):
        path = write_picture(laws_chart(LAYERS), str(tmp_path / "a.svg"), text="", title="", mode=mode)
        drawn = path.read_text(encoding="utf-8")
        assert palette[0] in drawn
        assert palette[1] in drawn
        assert INK[mode]["ground"] in drawn


def test_the_page_follows_its_reader_and_runs_nothing(tmp_path):
    nasty = "</pre><script>alert(1)</script>"
    laws = {nasty: KeptUnits(12, 0.5)}
    path = write_picture(laws_chart(laws), str(tmp_path / "a.html"), text=laws_text(laws), title=nasty)
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("</pre>") == 1
    assert "default-src 'none'" in page
    assert "src=" not in page.replace("default-src", "").replace("style-src", "")
    assert "var(--arm-1)" in page
    assert f"--arm-1: {LIGHT[1]};" in page
    assert f"--arm-1: {DARK[1]};" in page
    assert "is too narrow: noise 28.9 %" in page


def test_the_same_law_gives_the_same_bytes(tmp_path):
    law = KeptUnits(12, 0.8)
    one, other = (
        write_picture(law_chart(law), str(tmp_path / name), text=law_text(law), title="t").read_bytes()
        for name in ("a.html", "b.html")
    )
    assert one == other
    assert b"url(#clip0)" in one


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StoreError, match=r"cannot write the picture to .*\[results-report-write\]"):
        write_picture(law_chart(KeptUnits(12, 0.8)), str(tmp_path / "gone" / "a.svg"), text="", title="")
