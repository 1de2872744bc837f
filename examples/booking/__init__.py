"""A travel booking as a saga: hotel and car together, an approval, a payment, and compensation when one says no.

model      what travels: orders, reservations, receipts
contracts  the three services, as workflow and callers see them
workflow   the process
services   the three services, with all the trouble an order asks for
ledger     the world outside, where effects happen: one file, keyed by task id
orders     the seeded generator of orders.jsonl
approver   a second process that decides by tag
demo       all of it, killed in the middle and checked at the end: `make demo`
"""
