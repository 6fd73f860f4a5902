"""What a user changes in an experiment; the host checks neither spelling nor types, this does."""

import dataclasses
import pathlib
import re
import types
import typing

import yaml
from official.modeling import hyperparams
from official.modeling.hyperparams import params_dict

from lfp_tf.errors import LfpError, nearest


class _Loader(yaml.SafeLoader):
    """YAML without objects, where 1e-3 is a number as in Python (YAML 1.1 wants 1.0e-3)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def parse(text):
    """`a.b=1,c=[1,2]` or a YAML text as nested dictionaries.

    Raises:
        LfpError: neither of the two.
    """
    # The host drops `name[0]=3` without a word.
    if re.search(r"\[\d+\]\s*=", text):
        raise _unreadable(text)
    try:
        if "=" in text.split("\n")[0]:
            text = params_dict.nested_csv_str_to_json_str(text)
        content = _load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise _unreadable(text) from error
    if not isinstance(content, dict):
        raise _unreadable(text)
    return content


def read_yaml(path):
    """The dictionary in a user's YAML file.

    Raises:
        LfpError: no such file, or it holds no mapping.
    """
    try:
        content = _load(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise LfpError(f"--config_file {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LfpError(f"--config_file {path} is not YAML.") from error
    if not isinstance(content, dict):
        raise LfpError(f"--config_file {path} must hold fields such as `trainer:` or `task:`.")
    return content


def apply(params, changes):
    """Writes nested dictionaries into a config after checking every field's name and type.

    Raises:
        LfpError: a misspelt field (with the nearest right one) or a value of another type.
    """
    _check(params, changes, "")
    params.override(changes, is_strict=True)


def _load(text):
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _check(config, changes, path):
    hints = typing.get_type_hints(type(config))
    names = [field.name for field in dataclasses.fields(config)]
    for name, value in changes.items():
        where = f"{path}{name}"
        if name not in names:
            place = path[:-1] or "the experiment"
            raise LfpError(
                f'There is no field "{where}".{nearest(name, names)} '
                f"Fields of {place}: {', '.join(names)}."
            )
        current = getattr(config, name)
        if isinstance(current, hyperparams.Config):
            if not isinstance(value, dict):
                raise LfpError(f"{where} is a group of fields; give one, as in {where}.NAME=VALUE.")
            _check(current, value, f"{where}.")
        elif not _fits(value, hints[name]):
            wanted = _type_name(hints[name])
            raise LfpError(
                f"{where} is {value!r}, but must be {wanted}.{_hint(value, hints[name])}"
            )


def _fits(value, hint):
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, choice) for choice in typing.get_args(hint))
    if origin in (list, typing.Sequence):
        items = typing.get_args(hint)
        return isinstance(value, list) and all(_fits(v, items[0]) for v in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (str, bool):
        return isinstance(value, hint)
    if hint is type(None):
        return value is None
    return True


def _type_name(hint):
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(choice) for choice in typing.get_args(hint))
    if origin in (list, typing.Sequence):
        return f"a list such as [{', '.join(_EXAMPLES.get(typing.get_args(hint)[0], ()))}]"
    names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    return names.get(hint, "null")


_EXAMPLES = {int: ("1", "2"), float: ("0.5", "1.0"), str: ("a", "b")}


def _hint(value, hint):
    if hint is str and isinstance(value, bool):
        return f" Quote it if you mean the text: '{'on' if value else 'off'}'."
    return ""


def _unreadable(text):
    return LfpError(
        f"--params_override {text!r} is not of the form a.b=1,c=[1,2] nor a YAML text of fields."
    )
