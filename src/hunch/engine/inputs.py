"""What a network takes and gives, as the engines need it; the room `network` has it, since it reads networks so."""

from hunch.network import Inputs as Inputs
from hunch.network import answer as answer
from hunch.network import call as call
from hunch.network import mapped as mapped
from hunch.network import n_examples as n_examples
from hunch.network import take as take
from hunch.network import to_inputs as to_inputs
