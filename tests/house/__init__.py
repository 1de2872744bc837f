"""Tests of the house: shape, servers, README."""
