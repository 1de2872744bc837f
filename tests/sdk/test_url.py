import pytest

from leveret import ConfigurationError
from leveret.url import DEFAULT_URL, Url, redact


def test_one_url_names_broker_store_and_namespace() -> None:
    url = Url.parse("amqp://u:p@rabbit:5673/vh?heartbeat=9&store=redis://:q@redis:6380/2&ns=orders&durability=relaxed")

    assert (url.broker, url.store) == ("amqp://u:p@rabbit:5673/vh?heartbeat=9", "redis://:q@redis:6380/2")
    assert (url.namespace, url.durability) == ("orders", "relaxed")


def test_clients_need_no_store() -> None:
    url = Url.parse("amqps://rabbit")

    assert (url.scheme, url.broker, url.store, url.namespace) == ("amqps", "amqps://rabbit", "", "leveret")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///orders.db", "orders.db"),
        ("sqlite:///data/orders%20new.db?ns=a", "data/orders new.db"),
        ("sqlite:////var/lib/orders.db", "/var/lib/orders.db"),
        ("memory://", ""),
        ("memory://test", "test"),
    ],
)
def test_three_slashes_are_relative_and_four_absolute(text: str, path: str) -> None:
    assert Url.parse(text).path == path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("http://rabbit", "must begin with one of amqp, amqps, sqlite, memory"),
        ("rabbit:5672", "must begin with one of"),
        ("amqp://", "names no host"),
        ("amqp://rabbit:port", "cannot be read"),
        ("amqp://rabbit?nz=orders", "'nz' is not known: there are ns, store, durability, replicas, payload_limit"),
        ("amqp://rabbit?ns", "name=value"),
        ("amqp://rabbit?ns=a&ns=b", "given twice"),
        ("amqp://rabbit?ns=a%20b", "the namespace 'a b' is not usable"),
        ("amqp://rabbit?ns=orders.service", "may clash with another one"),
        ("amqp://rabbit?store=mysql://x", "must begin with one of redis, rediss, unix"),
        ("amqp://rabbit?durability=some", "relaxed, not 'some'"),
        ("amqp://rabbit?replicas=-1", "a whole number from 0 on"),
        ("sqlite:///a.db?store=redis://x", "'store' is not known"),
        ("sqlite://orders.db", "sqlite:///file.db is a relative path"),
        ("sqlite:///", "sqlite:///file.db is a relative path"),
    ],
)
def test_what_is_wrong_is_said(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Url.parse(text)

    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "amqp://user:s3cret@rabbit?store=redis://:s3cret@redis",
        "amqp://user:p@s3cret@rabbit",
        "amqp://user:12/s3cret@rabbit",
        "amqp://user:s3cret/x@rabbit",
        "http://user:s3cret@rabbit",
        "amqp://user:12?s3cret@rabbit",
        "amqp://rabbit?store=mysql://:s3cret@x",
    ],
)
def test_passwords_are_never_shown(text: str) -> None:
    try:
        url = Url.parse(text)
    except ConfigurationError as error:
        shown = f"{error} {error!r}"
    else:
        shown = f"{url} {url!r}"

    assert "s3cret" not in shown


def test_the_text_form_names_both_servers() -> None:
    url = Url.parse("amqp://user:secret@rabbit:5672?store=redis://:secret@redis")

    assert str(url) == "amqp://user:***@rabbit:5672?ns=leveret&store=redis://:***@redis"
    assert str(Url.parse("sqlite:///a.db")) == "sqlite:///a.db?ns=leveret"
    assert redact("no url") == "no url"


def test_the_environment_is_read_where_no_url_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEVERET_URL", raising=False)
    assert Url.parse() == Url.parse(DEFAULT_URL)

    monkeypatch.setenv("LEVERET_URL", "memory://env")
    assert Url.parse().path == "env"
    assert Url.parse("memory://given").path == "given"
