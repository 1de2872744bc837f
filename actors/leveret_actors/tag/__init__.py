"""Tags: business ids that instances carry.

`actors.py` takes the turns; `member.py`, `claim.py`, `fan.py` and `listing.py` handle one kind of message each, on a
`draft.py`, with the members in `table.py` that `lookup.py` got from the store; `state.py` is what stays.
"""

from leveret_actors.tag.actors import TagActors

__all__ = ["TagActors"]
