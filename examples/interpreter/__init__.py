"""A workflow that runs programs written in JSON: what they name is called by name, without a contract.

language    what a program looks like, and the workflow that runs it
clerk       a service for the demo
demo        one program from start to end: `python -m examples.interpreter.demo`
"""
