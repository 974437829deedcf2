"""The memory of the process that starts the actor system, laid out so that the processes below it share most of it."""

from actors.holes import take_holes
from actors.hot_code import gather_hot_code
from actors.process import forget_lookups


def lay_out_memory() -> None:
    """For just before the forks, when everything is imported."""
    take_holes()
    gather_hot_code()
    forget_lookups()
