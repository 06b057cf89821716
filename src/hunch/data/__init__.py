"""Whatever the user has → arrays; the embedded digits. Imports no torch.

Promises: `load` is a function of its arguments alone (nothing random); refused data come with the row and
the column; no input array is changed.
"""

from hunch.data.dataset import Data as Data
