"""Settings from the environment, over those from the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_origin

import msgspec

from leveret_actors.config.problem import child, keys_of, plain, section_at, table
from leveret_broker.errors import ConfigurationError

PREFIX: Final = "LEVERET_"

_PLAIN_KEYS: Final = {"LEVERET_URL": "url", "LEVERET_PAYLOAD_CODEC": "payload_codec"}


def apply_environment(
    data: dict[str, Any], kind: type[msgspec.Struct], variables: Mapping[str, str]
) -> dict[tuple[str, ...], str]:
    """Put the settings of `variables` into `data`, and return which variable each key comes from.

    Variables that begin with `LEVERET_` and hold no `__` are none of the file's, those of `_PLAIN_KEYS` apart.
    """
    origins: dict[tuple[str, ...], str] = {}
    for name, text in sorted(variables.items()):
        if name in _PLAIN_KEYS:
            path: list[str] = [_PLAIN_KEYS[name]]
        elif name.startswith(PREFIX) and "__" in name:
            path = _path(name, kind, data)
        else:
            continue
        _put(data, path, _value(name, path, kind, text))
        origins[tuple(path)] = name
    return origins


def _path(name: str, root: type[msgspec.Struct], data: Mapping[str, Any]) -> list[str]:
    """Return the keys that a variable's name stands for: settings in lower case, names of services as in the file."""
    path: list[str] = []
    kind: Any = root
    within: Any = data
    for word in name.removeprefix(PREFIX).split("__"):
        key = _named(word, within) if get_origin(plain(kind)) is dict else word.lower()
        kind = child(kind, key) if key else None
        if kind is None:
            raise _unknown(name, path, root)
        path.append(key)
        within = table(within).get(key)
    if section_at(root, path) is not None or get_origin(plain(kind)) is dict:
        raise _unknown(name, path, root)
    return path


def _named(word: str, within: Any) -> str:
    return next((one for one in table(within) if one.upper() == word.upper()), word)


def _unknown(name: str, path: list[str], root: type[msgspec.Struct]) -> ConfigurationError:
    section = section_at(root, path)
    if section is None:
        return ConfigurationError(f"the environment variable {name} is not a setting: see `leveret config check`")
    prefix = PREFIX + "".join(f"{word}__" for word in path).upper()
    allowed = ", ".join(prefix + key.upper() for key in keys_of(section))
    return ConfigurationError(f"the environment variable {name} is not a setting; allowed here: {allowed}")


def _value(name: str, path: list[str], kind: Any, text: str) -> Any:
    for key in path:
        kind = child(kind, key)
    raw: Any = [part.strip() for part in text.split(",") if part.strip()] if get_origin(plain(kind)) is list else text
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        message = f"the environment variable {name}={text!r}: {error}"
        raise ConfigurationError(message) from error


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    data[path[-1]] = value
