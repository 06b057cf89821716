"""Evidence → text, one HTML page, pictures. Imports no torch.

Promises: the same plan, runs and verdicts give the same report byte for byte, but for the lines about when,
where and with which versions it was made; the page is one file that opens offline, asks the network for
nothing and stays under 2 MB for 1,000 runs; whatever a user calls an arm is shown and never run.

- `view`: everything that is shown, computed and rounded, as frozen numbers and finished texts.
- `verdicts`: a verdict with its picture, why, and how sure; `forest_panel`: many of them in one picture.
- `inputs`: what the activations receive; `twins`: the numbers of each picture as a table.
- `charts`, `forest`, `inputs_chart`, `looks_chart`: one Altair chart a picture, drawn from the view; `pictures` gives
  the same as PNG, SVG or Altair charts.
- `html`, `text`: lay the view out.
- `doses_view`, `doses_panel`, `doses_scale`, `doses_how`: the same for a dose-response curve; `doses_chart`,
  `doses_html` and `doses_text` lay it out.
- `hunch_html`: a hunch in all its regimes, with pictures on shared axes, over the pages of the regimes.
- `fragment`: answers as light HTML for notebooks.
- `catalogue_html`: many hunches on one page, over the pages of each.
- `overview_html`: several studies on one page.
- `knobs_chart`: two knobs in one picture.
- `kept_units`, `kept_units_chart`: what dropout does to layers of so many units, in words and as a picture.
"""

from hunch.report.catalogue_html import CatalogueRow as CatalogueRow
from hunch.report.catalogue_html import catalogue_page as catalogue_page
from hunch.report.doses_chart import dose_picture as dose_picture
from hunch.report.doses_html import dose_page as dose_page
from hunch.report.doses_text import dose_report_text as dose_report_text
from hunch.report.doses_view import DoseView as DoseView
from hunch.report.doses_view import make_dose_view as make_dose_view
from hunch.report.fragment import dose_fragment as dose_fragment
from hunch.report.fragment import hunch_fragment as hunch_fragment
from hunch.report.fragment import study_fragment as study_fragment
from hunch.report.html import html_report as html_report
from hunch.report.hunch_html import Card as Card
from hunch.report.hunch_html import Part as Part
from hunch.report.hunch_html import between_part as between_part
from hunch.report.hunch_html import hunch_page as hunch_page
from hunch.report.hunch_html import hunch_picture as hunch_picture
from hunch.report.hunch_html import regime_part as regime_part
from hunch.report.kept_units import NARROW_RULE as NARROW_RULE
from hunch.report.kept_units import count_rows as count_rows
from hunch.report.kept_units import law_facts as law_facts
from hunch.report.kept_units import law_text as law_text
from hunch.report.kept_units import law_title as law_title
from hunch.report.kept_units import laws_text as laws_text
from hunch.report.kept_units import narrow_text as narrow_text
from hunch.report.kept_units_chart import PICTURES as PICTURES
from hunch.report.kept_units_chart import law_chart as law_chart
from hunch.report.kept_units_chart import laws_chart as laws_chart
from hunch.report.kept_units_chart import write_picture as write_picture
from hunch.report.knobs_chart import equivalence_chart as equivalence_chart
from hunch.report.knobs_chart import tunability_chart as tunability_chart
from hunch.report.overview_html import Shown as Shown
from hunch.report.overview_html import overview_page as overview_page
from hunch.report.pictures import ANSWER as ANSWER
from hunch.report.pictures import chart_picture as chart_picture
from hunch.report.pictures import charts as charts
from hunch.report.text import text_report as text_report
from hunch.report.verdicts import verdict_view as verdict_view
from hunch.report.view import View as View
from hunch.report.view import make_view as make_view
from hunch.report.view import study_question as study_question
