"""The user's network: make it, read it, rewrite a copy, gather facts.

Promises: the user's network and all global random states stay as they were; learned weights are kept; what
cannot be read is refused by name, never guessed.
"""

from hunch.network.activations import KNOWN as KNOWN
from hunch.network.activations import Activation as Activation
from hunch.network.activations import activation_name as activation_name
from hunch.network.chain import INPUT as INPUT
from hunch.network.chain import Block as Block
from hunch.network.chain import Chain as Chain
from hunch.network.chain import Part as Part
from hunch.network.chain import oddity as oddity
from hunch.network.chain import read_chain as read_chain
from hunch.network.decay import DecayGroups as DecayGroups
from hunch.network.decay import Invariant as Invariant
from hunch.network.decay import decay_groups as decay_groups
from hunch.network.dropouts import ExactDropout as ExactDropout
from hunch.network.dropouts import GaussianDropout as GaussianDropout
from hunch.network.dropouts import drops_maps as drops_maps
from hunch.network.dropouts import keep_of as keep_of
from hunch.network.dropouts import kind_of as kind_of
from hunch.network.facts import NetworkFacts as NetworkFacts
from hunch.network.facts import first_examples as first_examples
from hunch.network.facts import inspect_network as inspect_network
from hunch.network.facts import site_facts as site_facts
from hunch.network.inputs import Inputs as Inputs
from hunch.network.inputs import answer as answer
from hunch.network.inputs import call as call
from hunch.network.inputs import mapped as mapped
from hunch.network.inputs import n_examples as n_examples
from hunch.network.inputs import take as take
from hunch.network.inputs import to_inputs as to_inputs
from hunch.network.kinds import layer_kind as layer_kind
from hunch.network.layout import Found as Found
from hunch.network.layout import Layout as Layout
from hunch.network.layout import Site as Site
from hunch.network.making import build_network as build_network
from hunch.network.making import decayed_parameters as decayed_parameters
from hunch.network.making import evaluating as evaluating
from hunch.network.making import network_hash as network_hash
from hunch.network.making import seeded as seeded
from hunch.network.mlp import MLP as MLP
from hunch.network.mlp import mlp as mlp
from hunch.network.place import place as place
from hunch.network.place import place_arm as place_arm
from hunch.network.place_any import place_anywhere as place_anywhere
from hunch.network.rewrite import modules_for_dropout_functions as modules_for_dropout_functions
from hunch.network.sites import find_sites as find_sites
from hunch.network.sites import is_chain as is_chain
from hunch.network.sites import read_sites as read_sites
