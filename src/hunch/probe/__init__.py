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
