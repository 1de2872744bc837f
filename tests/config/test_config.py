"""The file, the environment over it, and errors that say where and what."""

from pathlib import Path

import pytest

from leveret import ConfigurationError, Retry
from leveret.per_key import PerKey
from leveret.rate import Rate
from leveret_actors.config import Config, client_arguments, load, node_arguments, settings, trace
from leveret_actors.settings import Settings
from tests.config import shop

FULL = """
url = "sqlite:///orders.db"

[node]
workflows = ["tests.config.shop:Order"]
services = ["tests.config.shop:stock"]
interceptors = ["tests.config.shop:tracing", "tests.config.shop:Tracing"]
name = "left"
concurrency = 5
grace = 10
mailboxes = 4
cache_actors = 7
cache_bytes = 1000
batch = 50
heartbeat = 0.5
log_level = "DEBUG"

[retention]
closed_seconds = 60
closed_count = 10
failed_seconds = 120

[services.Stock]
timeout = 5
grace = 0
concurrency = 2
retry = { initial = 0.5, factor = 3, maximum = 9, attempts = 4, jitter = 0, ignore = ["KeyError"] }
rate = { count = 6, per = 60, burst = 3 }
priorities = true
per_key = { key = "tests.config.shop:patient", concurrency = 2, rate = { count = 5 } }

[services.Stock.tasks.reserve]
timeout = 7
batch_max = 9
batch_seconds = 0.25
retry = { attempts = 2, ignore = ["HTTPError"], only = ["tests.config.shop:Refused", "OSError"] }

[services.Stock.tasks.count.retry]
policy = "tests.config.shop:patient"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "leveret.toml"
    file.write_text(text)
    return file


def test_every_setting_reaches_the_node(tmp_path: Path) -> None:
    config = load(write(tmp_path, FULL), {})
    found = settings(config)

    assert config.url == "sqlite:///orders.db"
    assert config.node.workflows == ["tests.config.shop:Order"]
    assert (found.concurrency, found.grace, found.mailboxes, found.batch, found.heartbeat) == (5, 10, 4, 50, 0.5)
    assert (found.cache_actors, found.cache_bytes) == (7, 1000)
    assert (found.retention.closed_seconds, found.retention.closed_count, found.retention.failed_seconds) == (
        60,
        10,
        120,
    )
    stock = found.services["Stock"]
    assert (stock.timeout, stock.grace, stock.concurrency) == (5, 0, 2)
    assert stock.retry == Retry(initial=0.5, factor=3.0, maximum=9.0, attempts=4, jitter=0.0, ignore=(KeyError,))
    assert stock.rate == Rate(6, 60, 3)
    assert stock.priorities
    assert stock.per_key == PerKey(shop.patient, 2, Rate(5))
    reserve = stock.tasks["reserve"]
    assert (reserve.timeout, reserve.batch_max, reserve.batch_seconds) == (7, 9, 0.25)
    assert stock.tasks["reserve"].retry == Retry(attempts=2, ignore=("HTTPError",), only=(shop.Refused, OSError))
    assert stock.tasks["count"].retry is shop.patient


@pytest.mark.parametrize(
    ("retry", "said"),
    [
        ('ignore = ["tests.config.shop:Nobody"]', "has no Nobody"),
        ('only = ["not a name"]', "names no exception"),
        ('only = ["len"]', "is not an exception class"),
        ('policy = "tests.config.shop:number"', "is not a retry policy"),
        ('policy = "tests.config.shop:Refused"', "is not a retry policy"),
        ('policy = "tests.config.shop:patient"\nattempts = 3', "decides alone"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(tmp_path: Path, retry: str, said: str) -> None:
    config = load(write(tmp_path, f"[services.Stock.retry]\n{retry}"), {})

    with pytest.raises(ConfigurationError, match=said):
        settings(config)


def test_an_empty_file_is_the_defaults_of_the_code(tmp_path: Path) -> None:
    assert settings(load(write(tmp_path, ""), {})) == Settings()


def test_without_any_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert load(None, {}) == Config()


def test_the_file_of_the_working_directory_is_read_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, 'url = "memory://here"')
    (tmp_path / "other.toml").write_text('url = "memory://other"')

    assert load(None, {}).url == "memory://here"
    assert load(None, {"LEVERET_CONFIG": "other.toml"}).url == "memory://other"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    variables = {
        "LEVERET_URL": "memory://",
        "LEVERET_NODE__CONCURRENCY": "64",
        "LEVERET_NODE__WORKFLOWS": "a:B, c:D",
        "LEVERET_SERVICES__STOCK__RETRY__ATTEMPTS": "9",
        "LEVERET_SERVICES__Other__TIMEOUT": "1.5",
        "LEVERET_SERVICES__STOCK__TASKS__reserve__TIMEOUT": "2",
        "LEVERET_FAULT": "after-commit",
    }

    loaded = trace(write(tmp_path, FULL), variables)

    config = loaded.config
    assert (config.url, config.node.concurrency, config.node.workflows) == ("memory://", 64, ["a:B", "c:D"])
    assert config.services["Stock"].retry is not None
    assert (config.services["Stock"].retry.attempts, config.services["Stock"].retry.factor) == (9, 3)
    assert config.services["Other"].timeout == 1.5
    assert config.services["Stock"].tasks["reserve"].timeout == 2
    assert loaded.origins["node", "concurrency"] == "LEVERET_NODE__CONCURRENCY"
    assert loaded.origins["node", "grace"].endswith("leveret.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[node]\nconcurency = 3", ["node.concurency is not a setting", "allowed here: batch, cache_actors"]),
        (
            "[nodes]",
            ["nodes is not a setting", "client, events, leases, node, payload_codec, retention, services, url"],
        ),
        ('[node]\nconcurrency = "many"', ["node.concurrency", "int"]),
        ("[node]\nconcurrency = 0", ["node.concurrency", ">= 1"]),
        ('[node]\nlog_level = "LOUD"', ["node.log_level", "LOUD"]),
        ("[services.A]\n[services.B]\nretries = 3", ["services.B.retries is not a setting", "retry, tasks, timeout"]),
        (
            "[services.A.tasks.go]\nconcurrency = 3",
            ["services.A.tasks.go.concurrency is not", "batch_max, batch_seconds, grace, heartbeat, retry, timeout"],
        ),
        ("[services.A]\n[services.B.retry]\njitter = 3", ["services.B.retry.jitter", "<= 1"]),
        ("[node]\nname =\n", ["not TOML", "line 2"]),
    ],
)
def test_an_error_names_file_key_and_what_is_allowed(tmp_path: Path, text: str, said: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(write(tmp_path, text), {})

    assert str(raised.value).startswith(f"{tmp_path}/leveret.toml: ")
    assert [part for part in said if part not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LEVERET_NODE__CONCURENCY", "3", ["not a setting", "LEVERET_NODE__CONCURRENCY"]),
        ("LEVERET_NODES__CONCURRENCY", "3", ["not a setting", "LEVERET_NODE"]),
        ("LEVERET_NODE__CONCURRENCY", "many", ["LEVERET_NODE__CONCURRENCY='many'", "int"]),
        ("LEVERET_NODE__CONCURRENCY__DEEP", "1", ["not a setting"]),
        ("LEVERET_SERVICES__Stock", "1", ["not a setting", "LEVERET_SERVICES__STOCK__TIMEOUT"]),
        ("LEVERET_SERVICES__", "1", ["not a setting"]),
    ],
)
def test_an_error_in_the_environment_names_the_variable(tmp_path: Path, name: str, value: str, said: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(write(tmp_path, ""), {name: value})

    assert name in str(raised.value)
    assert [part for part in said if part not in str(raised.value)] == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.toml: there is no such file"):
        load(tmp_path / "nothing.toml", {})


def test_what_a_node_hosts_is_imported(tmp_path: Path) -> None:
    arguments = node_arguments(load(write(tmp_path, FULL), {}))

    assert arguments["workflows"] == [shop.Order]
    assert arguments["services"] == [shop.stock]
    assert arguments["interceptors"][0] is shop.tracing
    assert isinstance(arguments["interceptors"][1], shop.Tracing)
    assert (arguments["url"], arguments["name"]) == ("sqlite:///orders.db", "left")


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("tests.config.shop:number", "'tests.config.shop:number' is not an interceptor"),
        ("tests.config.shop:Picky", "'tests.config.shop:Picky' could not be made: TypeError"),
    ],
)
def test_what_is_no_interceptor_is_refused(tmp_path: Path, reference: str, text: str) -> None:
    config = load(write(tmp_path, f'[node]\ninterceptors = ["{reference}"]'), {})

    with pytest.raises(ConfigurationError, match=text):
        node_arguments(config)


def test_a_client_gets_its_arguments(tmp_path: Path) -> None:
    text = 'url = "memory://x"\n[client]\nconnect_timeout = 3\ninterceptors = ["tests.config.shop:Auditing"]'
    arguments = client_arguments(load(write(tmp_path, text), {}))

    assert (arguments["url"], arguments["connect_timeout"]) == ("memory://x", 3)
    assert [type(one) for one in arguments["interceptors"]] == [shop.Auditing]


def test_an_interceptor_of_nodes_is_none_for_a_client(tmp_path: Path) -> None:
    config = load(write(tmp_path, '[client]\ninterceptors = ["tests.config.shop:Tracing"]'), {})

    with pytest.raises(ConfigurationError, match="is not an interceptor of clients"):
        client_arguments(config)


@pytest.mark.parametrize("named", ["Codec", "CODEC", "codecs"])
def test_a_payload_codec_is_an_object_or_what_a_class_or_a_function_makes(tmp_path: Path, named: str) -> None:
    config = load(write(tmp_path, f'payload_codec = "tests.config.shop:{named}"'), {})

    for arguments in (node_arguments(config), client_arguments(config)):
        given = arguments["payload_codec"]
        assert given is not None
        assert [codec.id for codec in given] == [7]


def test_what_is_no_payload_codec_is_refused(tmp_path: Path) -> None:
    config = load(write(tmp_path, 'payload_codec = "tests.config.shop:number"'), {})

    with pytest.raises(ConfigurationError, match=r"'tests.config.shop:number': .* is no payload codec"):
        node_arguments(config)
