"""What must hold when all is over, whatever happened on the way."""

from __future__ import annotations

from collections.abc import Mapping

from examples.booking.model import Order, Receipt

EXPECTED = {("hotel", "book"): 1, ("car", "book"): 1, ("payment", "pay"): 1}


def violations(
    orders: list[Order], receipts: Mapping[str, Receipt], effects: Mapping[str, Mapping[tuple[str, str], int]]
) -> list[str]:
    """Return one line per broken promise; none is what everybody wants to see."""
    found: list[str] = []
    for order in orders:
        receipt = receipts.get(order.id)
        if receipt is None:
            found.append(f"booking {order.id} is lost")
            continue
        done = dict(effects.get(order.id, {}))
        if receipt.state == "completed" and done != EXPECTED:
            found.append(f"booking {order.id} is completed, but its effects are {done}")
        elif receipt.state == "compensated":
            found += _not_undone(order, done)
    found += [f"effects of an order that does not exist: {order}" for order in effects.keys() - {o.id for o in orders}]
    return found


def _not_undone(order: Order, done: dict[tuple[str, str], int]) -> list[str]:
    found = [f"booking {order.id} is compensated, but paid"] if ("payment", "pay") in done else []
    for service in ("hotel", "car"):
        booked, cancelled = done.get((service, "book"), 0), done.get((service, "cancel"), 0)
        if booked != cancelled or booked > 1:
            found.append(f"booking {order.id} is compensated: {service} booked {booked}, cancelled {cancelled}")
    return found
