"""What to run: arms, claims, the plan. Frozen, validated, JSON in and out, hashed; imports no torch.

Promises: an `Arm` changes only what it names; every object can be pasted back from its repr; two plans that
ask the same thing have the same hash, whatever machine wrote them.
"""

from hunch.plan.arms import ACTIVATIONS as ACTIVATIONS
from hunch.plan.arms import DROPOUTS as DROPOUTS
from hunch.plan.arms import OPTIMIZERS as OPTIMIZERS
from hunch.plan.arms import SCHEDULES as SCHEDULES
from hunch.plan.arms import Arm as Arm
from hunch.plan.arms import is_number as is_number
from hunch.plan.arms import is_whole as is_whole
from hunch.plan.arms import keep_problems as keep_problems
from hunch.plan.checks import cost_words as cost_words
from hunch.plan.claims import DERIVED as DERIVED
from hunch.plan.claims import ON_REQUEST as ON_REQUEST
from hunch.plan.claims import READING_NAMES as READING_NAMES
from hunch.plan.claims import RECORDED as RECORDED
from hunch.plan.claims import Claim as Claim
from hunch.plan.claims import asks_on_request as asks_on_request
from hunch.plan.claims import contrast as contrast
from hunch.plan.claims import faster as faster
from hunch.plan.claims import higher as higher
from hunch.plan.claims import lower as lower
from hunch.plan.claims import lower_cost as lower_cost
from hunch.plan.claims import lower_error as lower_error
from hunch.plan.claims import parse_claim as parse_claim
from hunch.plan.claims import read_claim as read_claim
from hunch.plan.claims import same as same
from hunch.plan.doses import BEYOND as BEYOND
from hunch.plan.doses import COARSE as COARSE
from hunch.plan.doses import DOSE_OUTCOMES as DOSE_OUTCOMES
from hunch.plan.doses import GRIDS as GRIDS
from hunch.plan.doses import KNOBS as KNOBS
from hunch.plan.doses import Curve as Curve
from hunch.plan.doses import Doses as Doses
from hunch.plan.doses import Spare as Spare
from hunch.plan.doses import dose_name as dose_name
from hunch.plan.doses import read_doses as read_doses
from hunch.plan.doses import read_knobs as read_knobs
from hunch.plan.doses import split_knob as split_knob
from hunch.plan.grid import evaluation_grid as evaluation_grid
from hunch.plan.grid import held_out_grid as held_out_grid
from hunch.plan.grid import reading_grid as reading_grid
from hunch.plan.grid import schedule_factors as schedule_factors
from hunch.plan.plan import Plan as Plan
from hunch.plan.pools import CONFIRM as CONFIRM
from hunch.plan.pools import PILOT as PILOT
from hunch.plan.pools import TRAIN as TRAIN
from hunch.plan.pools import TUNE as TUNE
from hunch.plan.pools import TUNE_HELD as TUNE_HELD
from hunch.plan.pools import UNPAIRED_STRIDE as UNPAIRED_STRIDE
from hunch.plan.pools import run_seeds as run_seeds
from hunch.plan.search import CHOICE as CHOICE
from hunch.plan.search import LOG as LOG
from hunch.plan.search import WHOLE as WHOLE
from hunch.plan.search import Axis as Axis
from hunch.plan.search import SearchPlan as SearchPlan
from hunch.plan.search import Tried as Tried
from hunch.plan.search import read_space as read_space
from hunch.plan.tuning import tuning_goal as tuning_goal
