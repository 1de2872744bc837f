"""What wraps user data, and what is said where it cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from examples.codecs.compressing import LARGEST, SMALL, Compressed
from examples.codecs.encrypting import Encrypted
from leveret.failure import as_readable, attributes_of, failure_of, opened, sealed
from leveret_broker.codec import Codec
from leveret_broker.errors import ConfigurationError, DecodeError, EncodeError, PayloadLocked, PayloadTooLarge

OLD, NEW = Encrypted(1, b"o" * 32), Encrypted(2, b"n" * 32)


class Broken:
    id = 9

    def encode(self, data: bytes) -> bytes:
        raise ConnectionError("the vault is sealed")

    def decode(self, data: bytes) -> bytes:
        raise ConnectionError("the vault is sealed")


def test_without_a_payload_codec_a_payload_is_a_zero_and_msgpack() -> None:
    assert Codec().dump({"a": [1, "x"]}) == b"\0\x81\xa1a\x92\x01\xa1x"


def test_the_first_of_several_writes_and_all_read() -> None:
    before, rotated = Codec(OLD), Codec([NEW, OLD])

    assert rotated.dump("secret")[0] == 2
    assert rotated.load(before.dump("secret")) == "secret"
    assert rotated.load(rotated.dump("secret")) == "secret"
    assert rotated.load(Codec().dump("from before")) == "from before"


def test_an_id_that_is_not_there_is_named() -> None:
    with pytest.raises(PayloadLocked, match=r"written with payload codec 2, .* does not have \(it has 1\)") as caught:
        Codec(OLD).load(Codec(NEW).dump("secret"))

    assert caught.value.codec == 2


@pytest.mark.parametrize("codec", [Codec(Encrypted(1, b"x" * 32)), Codec([NEW, Encrypted(1, b"x" * 32)])], ids=[1, 2])
def test_another_key_is_no_wrong_value(codec: Codec) -> None:
    with pytest.raises(PayloadLocked, match=r"payload codec 1 cannot decode this payload.*InvalidTag"):
        codec.load(Codec(OLD).dump("secret"))


def test_a_codec_that_cannot_encode_lets_nothing_through() -> None:
    with pytest.raises(PayloadLocked, match="payload codec 9 cannot encode: ConnectionError: the vault is sealed"):
        Codec(Broken()).dump("secret")


def test_what_a_codec_leaves_as_it_is_needs_none_to_be_read() -> None:
    codec = Codec(Compressed(3))

    small, large, dense = codec.dump("a"), codec.dump("a" * SMALL), codec.dump(bytes(range(256)) * 3 + b"?" * 200)

    assert (small, large[0], dense[0]) == (Codec().dump("a"), 3, 0)
    assert len(large) < 50
    assert codec.load(large) == "a" * SMALL


def test_a_payload_that_grows_without_end_is_refused() -> None:
    bomb = Codec(Compressed(3), limit=2**30).dump(b"\0" * (LARGEST + 1))

    with pytest.raises(PayloadLocked, match="over 67108864 bytes"):
        Codec(Compressed(3)).load(bomb)


def test_the_limit_is_for_what_is_sent() -> None:
    codec = Codec(Compressed(3), limit=1000)

    codec.check("a" * 5000, str)
    assert len(codec.dump("a" * 5000)) < 1000
    with pytest.raises(PayloadTooLarge):
        Codec(OLD, limit=1000).dump("a" * 990)


def test_values_that_do_not_fit_are_told_from_codecs_that_do_not() -> None:
    with pytest.raises(DecodeError):
        Codec(OLD).dump("text", int)
    with pytest.raises(EncodeError):
        Codec(OLD).check(object())


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([OLD, Encrypted(1, b"n" * 32)], "two payload codecs have the id 1"),
        (Encrypted(0, b"n" * 32), "a number from 1 to 255, not 0"),
        (Encrypted(256, b"n" * 32), "a number from 1 to 255, not 256"),
        (Encrypted, "no payload codec"),
        ("zlib", "no payload codec"),
        ([None], "no payload codec"),
    ],
    ids=["twice", "zero", "high", "class", "text", "none"],
)
def test_what_is_no_payload_codec_is_refused(given: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        Codec(given)


class CardRefused(Exception):
    def __init__(self, card: str) -> None:
        super().__init__(f"card {card}")
        self.card = card


def refused() -> CardRefused:
    try:
        try:
            raise ValueError("pin 1234")
        except ValueError as error:
            raise CardRefused("4711") from error
    except CardRefused as error:
        return error


def test_a_failure_keeps_its_type_in_the_clear_and_nothing_else() -> None:
    failure = failure_of(refused(), Codec(OLD), {"task": "pay"})

    assert failure.type.endswith("CardRefused")
    assert failure.where == {"task": "pay"}
    assert failure.cause is not None
    assert failure.cause.message == failure.message == "(encoded by payload codec 1)"
    assert not any(text in repr(failure) for text in ("4711", "1234", "raise "))


def test_a_failure_is_read_with_the_codec_and_is_as_it_was_without_one() -> None:
    codec = Codec([NEW, OLD])
    failure = failure_of(refused(), Codec(OLD), {"task": "pay"})

    read = opened(failure, codec)

    assert read.message == "card 4711"
    assert "raise CardRefused" in read.traceback
    assert attributes_of(read) == {"card": "4711"}
    assert read.cause is not None
    assert read.cause.message == "pin 1234"
    assert opened(sealed(read, codec), codec) == read
    assert as_readable(failure, Codec()) == failure
    with pytest.raises(PayloadLocked):
        opened(failure, Codec())


def test_the_text_of_a_failure_is_left_out_where_it_cannot_be_wrapped() -> None:
    failure = failure_of(refused(), Codec(Broken()))

    assert failure.message.startswith("(its text is left out: payload codec 9 cannot encode")
    assert (failure.traceback, failure.attributes) == ("", None)
