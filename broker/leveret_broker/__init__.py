"""Ids, envelopes, codecs and the transports."""

from loguru import logger

logger.disable("leveret_broker")  # a library says nothing until it is asked: logger.enable("leveret_broker")
