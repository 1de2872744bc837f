"""Bridges: rules that bind what others publish to starts, signals, calls and cancellations.

rule         what is written
checking     what may not be
expression   its texts, compiled
event        what arrives: JSON, or a CloudEvent
crossing     what a message becomes
runner       takes messages, and sends what they become
removing     what is left of a rule that was taken out
"""

from leveret_actors.bridge.crossing import Crossed, Crossing, Passed
from leveret_actors.bridge.event import Unfit
from leveret_actors.bridge.rule import Bridge
from leveret_actors.bridge.runner import BridgeRunner

__all__ = ["Bridge", "BridgeRunner", "Crossed", "Crossing", "Passed", "Unfit"]
