"""How fast a batch may go: grants of the relay and of its destinations, and what is learned from their replies.

`Pacing` is what a batch asks; a `bucket` spends one meter's grants, and `manners` knows the destinations.
"""

from pipeline.delivery.pacing.pacing import UNLIMITED, Pacing

__all__ = ["UNLIMITED", "Pacing"]
