"""Whatever the user has → arrays; the embedded digits. Imports no torch.

Promises: `load` is a function of its arguments alone (nothing random); refused data come with the row and
the column; no input array is changed.
"""

from hunch.data.constant import constant_cost as constant_cost
from hunch.data.constant import constant_error as constant_error
from hunch.data.constant import constant_losses as constant_losses
from hunch.data.constant import constant_right as constant_right
from hunch.data.cost import choose_cost as choose_cost
from hunch.data.dataset import Data as Data
from hunch.data.load import digits as digits
from hunch.data.load import load as load
from hunch.data.split import validation_split as validation_split
