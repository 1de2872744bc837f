"""`leveret doctor`: what is ill, and what to do about it.

command    the command      verdict   what a check says, and its deadline
broker     RabbitMQ         store     the store, its clock, nodes, dead letters
"""
