"""The hunches: statements people repeat, where they come from, and the plans that test them.

Promises: every entry can be tested on the embedded digits as it stands; where it should not hold is written
down as plainly as where it should; reading the catalogue imports neither torch nor numpy.
"""

from hunch.catalogue.hunch import Finer as Finer
from hunch.catalogue.hunch import Hunch as Hunch
from hunch.catalogue.hunch import Quick as Quick
from hunch.catalogue.hunch import Regime as Regime
from hunch.catalogue.shelf import families as families
from hunch.catalogue.shelf import find as find
from hunch.catalogue.shelf import hunches as hunches
