"""A network in training → readings.

Promises: readings change nothing (no random draw, no buffer, no parameter) and keep no tensor of the network.
"""

from hunch.probe.ahead import gradient_ahead as gradient_ahead
from hunch.probe.readings import INACTIVE_BELOW as INACTIVE_BELOW
from hunch.probe.readings import SATURATED_BELOW as SATURATED_BELOW
from hunch.probe.readings import activation_readings as activation_readings
from hunch.probe.readings import norm_of as norm_of
from hunch.probe.readings import update_readings as update_readings
from hunch.probe.recorder import StepRecorder as StepRecorder
from hunch.probe.recorder import as_rows as as_rows
from hunch.probe.recorder import shift_of as shift_of
from hunch.probe.recorder import watch_activations as watch_activations
from hunch.probe.recorder import weight_of as weight_of
