"""Ids, envelopes, codecs and the transports."""
