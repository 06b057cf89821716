"""(arms × seeds) → traces. The only room that trains.

Promises: all engines give the same numbers (`contract` says which); a trace depends on its setting and job
alone; a row cannot hurt its neighbour; global random states, thread counts and the user's network are left as
they were.
"""

from hunch.engine.batched import BatchedEngine as BatchedEngine
from hunch.engine.choose import Choice as Choice
from hunch.engine.choose import check_engine as check_engine
from hunch.engine.choose import choose as choose
from hunch.engine.contract import Engine as Engine
from hunch.engine.contract import Job as Job
from hunch.engine.contract import Result as Result
from hunch.engine.contract import Setting as Setting
from hunch.engine.contract import make_row as make_row
from hunch.engine.contract import training_slice as training_slice
from hunch.engine.loop import LoopEngine as LoopEngine
from hunch.engine.native import NativeEngine as NativeEngine
from hunch.engine.own_constant import best_constant as best_constant
from hunch.engine.own_constant import losses_of_constant as losses_of_constant
from hunch.engine.own_cost import OwnCostEngine as OwnCostEngine
from hunch.engine.own_cost import read_own_cost as read_own_cost
from hunch.engine.own_cost_name import CostFunction as CostFunction
from hunch.engine.own_cost_name import OwnCost as OwnCost
