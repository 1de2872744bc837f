"""What holds signals for who is not there yet, as a pure function of inbox and clock."""

from __future__ import annotations

from leveret_actors.actor import ActorAddress, Inbox, Post, Turn
from leveret_actors.answers import told
from leveret_actors.store.contract import ActorRecord, Timer
from leveret_actors.tag.hold import (
    AGAIN,
    AT_ONCE,
    FORGET,
    HELD,
    LONGEST_PAUSE,
    REMEMBER,
    REMEMBER_HELD,
    HoldState,
    hold,
)
from leveret_broker.address import DEAD_LETTERS, TAGS, MailboxQueue
from leveret_broker.codec import Payload
from leveret_broker.envelope import Envelope, Fanned, Hold, Refused, Signal, TagFan, WorkflowCaller
from leveret_broker.ids import hold_key

QUEUE = MailboxQueue(TAGS, 0)
RECEIVER = "Order/orderId:7"
KEY = hold_key(TAGS, RECEIVER)


class Holding:
    """The actor over several turns; nothing is cached between them."""

    def __init__(self) -> None:
        self.clock = 1000.0
        self.state: bytes | None = None
        self.timers: dict[int, float] = {}

    def turn(self, *envelopes: Envelope, give_up: str = "") -> list[Post]:
        """Take a turn with what is due, and keep what it writes."""
        due = [Timer(KEY, "", number, at) for number, at in self.timers.items() if at <= self.clock]
        record = None if self.state is None else ActorRecord(KEY, self.state, ())
        turn = hold(QUEUE, Inbox(KEY, list(envelopes), due, record=record, give_up=give_up), self.clock)
        self._keep(turn)
        return list(turn.posts)

    def _keep(self, turn: Turn) -> None:
        if turn.write is not None:
            self.state = None if turn.write.delete else turn.write.state
            for _, number in turn.write.timers_removed:
                self.timers.pop(number, None)
            self.timers |= {timer.number: timer.at for timer in turn.write.timers}
            if turn.write.delete:
                self.timers = {}

    def wait(self) -> list[Post]:
        """Let the time come for the next attempt."""
        self.clock = self.timers[AGAIN]
        return self.turn()


def signal(name: str, seconds: float = 60.0) -> Envelope:
    fan = TagFan(Signal("paid", Payload(b"\0" + name.encode())))
    return Envelope(name, KEY, Hold(TAGS, RECEIVER, fan, seconds))


def answer(post: Post, members: int) -> Envelope:
    """What the receiver answers to a question."""
    envelope = post.envelope
    assert isinstance(envelope, Envelope)
    assert isinstance(envelope.message, TagFan)
    assert isinstance(envelope.message.caller, WorkflowCaller)
    back = told(envelope.message.caller, Fanned(members), {}, envelope.id, 0.0)
    assert back.to == QUEUE
    assert isinstance(back.envelope, Envelope)
    assert back.envelope.actor == KEY
    return back.envelope


def ids(posts: list[Post]) -> list[str]:
    assert all(post.to == ActorAddress(TAGS, RECEIVER) for post in posts)
    return [post.envelope.id for post in posts if isinstance(post.envelope, Envelope)]


def test_what_is_taken_at_once_leaves_nothing_behind_after_ten_minutes() -> None:
    holding = Holding()

    [sent] = holding.turn(signal("a"))
    after = holding.turn(answer(sent, 1))
    again = holding.turn(signal("a"))
    holding.clock += REMEMBER
    holding.turn()

    assert ids([sent]) == ["a"]
    assert (after, again, holding.state, holding.timers) == ([], [], None, {})


def test_the_others_stay_behind_the_first_until_somebody_takes_it_then_all_follow_in_order() -> None:
    holding = Holding()

    [first] = holding.turn(signal("a"), signal("b"), signal("c"))
    assert holding.turn(answer(first, 0)) == []
    [second] = holding.wait()
    assert holding.turn(signal("d")) == []
    rest = holding.turn(answer(second, 2))

    assert ids([first, second]) == ["a", "a/1"]
    assert ids(rest) == ["b", "c", "d"]
    holding.turn(*(answer(post, 2) for post in rest))
    assert set(holding.timers) >= {FORGET}


def test_pauses_grow_up_to_the_longest() -> None:
    holding = Holding()
    [post] = holding.turn(signal("a", 1e9))
    pauses: list[float] = []

    for _ in range(8):
        holding.turn(answer(post, 0))
        pauses.append(holding.timers[AGAIN] - holding.clock)
        [post] = holding.wait()

    assert pauses == [0.5, 1, 2, 4, 8, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_what_nobody_took_in_time_is_a_dead_letter_and_the_next_one_is_tried() -> None:
    holding = Holding()
    [first] = holding.turn(signal("a", 0.4), signal("b"))
    holding.turn(answer(first, 0))

    dead, second = holding.wait()

    assert dead.to == DEAD_LETTERS
    assert "nobody was there to take it for 0.4 s" in dead.reason
    assert isinstance(dead.envelope, Envelope)
    assert isinstance(dead.envelope.message, Hold)
    assert ids([second]) == ["b"]


def test_a_second_copy_is_dropped_while_the_first_is_held_and_for_a_day_after_it_was_taken() -> None:
    holding = Holding()
    [first] = holding.turn(signal("a"), signal("a"))
    holding.turn(answer(first, 0), answer(first, 0))
    [second] = holding.wait()
    holding.turn(answer(second, 1))

    assert holding.turn(signal("a"), answer(second, 1)) == []
    holding.clock += REMEMBER
    assert holding.turn(signal("a")) == []
    holding.clock += REMEMBER_HELD
    assert holding.turn() == []
    assert holding.state is None


def test_one_that_came_before_the_actor_was_forgotten_is_taken() -> None:
    holding = Holding()
    [sent] = holding.turn(signal("a"))
    assert isinstance(sent.envelope, Envelope)
    assert isinstance(sent.envelope.message, TagFan)
    assert sent.envelope.message.caller is not None
    again = told(sent.envelope.message.caller, Fanned(0, again=True), {}, "a", 0.0).envelope
    assert isinstance(again, Envelope)

    assert holding.turn(again) == []
    assert AGAIN not in holding.timers


def test_a_refusal_is_nobody() -> None:
    holding = Holding()
    [sent] = holding.turn(signal("a"))
    assert isinstance(sent.envelope, Envelope)
    assert isinstance(sent.envelope.message, TagFan)
    assert sent.envelope.message.caller is not None
    refused = told(sent.envelope.message.caller, Refused("busy", "later"), {}, "a", 0.0).envelope
    assert isinstance(refused, Envelope)

    assert holding.turn(refused) == []
    assert ids(holding.wait()) == ["a/1"]


def test_no_more_are_under_way_than_the_window_and_no_more_held_than_the_bound() -> None:
    holding = Holding()
    [first] = holding.turn(*(signal(f"s{number}") for number in range(HELD)))

    [dead] = holding.turn(signal("one more"))
    rest = holding.turn(answer(first, 1))

    assert dead.to == DEAD_LETTERS
    assert len(rest) == AT_ONCE


def test_what_brings_its_node_down_is_let_go_of() -> None:
    holding = Holding()
    holding.turn(signal("a"), signal("b"))
    record = ActorRecord(KEY, holding.state or b"", ())

    turn = hold(QUEUE, Inbox(KEY, [signal("c")], record=record, give_up="it kills"), 1.0)

    assert [post.reason for post in turn.posts] == ["it kills", "it kills"]
    assert isinstance(turn.live, HoldState)
    assert [one.id for one in turn.live.held] == ["b"]


def test_an_answer_in_an_inbox_to_give_up_counts_and_the_rest_is_sent_later() -> None:
    holding = Holding()
    [first] = holding.turn(signal("a"), signal("b"), signal("c"), signal("d"))

    lost = holding.turn(answer(first, 1), give_up="it kills")
    rest = holding.wait()

    assert [post.reason for post in lost] == ["it kills"]
    assert ids(rest) == ["c", "d"]


def test_a_state_that_cannot_be_read_is_left_as_it_is() -> None:
    turn = hold(QUEUE, Inbox(KEY, [signal("a")], record=ActorRecord(KEY, b"\xff", ())), 1.0)

    assert turn.write is None
    assert "cannot be read" in turn.posts[0].reason
