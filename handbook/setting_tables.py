"""Every setting with its option, variable, default and meaning, read from where it is described."""

import ast
import inspect
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from strongroom.base.configuration import Configuration
from strongroom.base.xks_proxy_configuration import XksProxyConfiguration
from strongroom.cli.application import VARIABLE_PREFIX

KINDS: dict[str, type[Any]] = {"serve": Configuration, "xks-proxy": XksProxyConfiguration}
"""The commands that have settings, and where those are described."""


def meanings(kind: type[Any]) -> dict[str, str]:
    """Return the docstring under each field of a dataclass, by the field's name."""
    [definition] = [each for each in ast.parse(inspect.getsource(kind)).body if isinstance(each, ast.ClassDef)]
    found: dict[str, str] = {}
    name = ""
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and name:
            found[name] = " ".join(str(statement.value.value).split())
            name = ""
    return found


def setting_table(command: str) -> str:
    """Return the settings of a command as Markdown. Raises KeyError for a command without settings."""
    kind = KINDS[command]
    told = meanings(kind)
    lines = ["| option | variable | default | meaning |", "| --- | --- | --- | --- |"]
    for field in fields(kind):
        option = field.name.replace("_", "-")
        variable = f"{VARIABLE_PREFIX}{field.name.upper()}"
        meaning = told[field.name].replace("|", "\\|").replace("*", "\\*")
        lines.append(f"| `--{option}` | `{variable}` | {_default(field)} | {meaning} |")
    return "\n".join(lines)


def _default(field: Any) -> str:
    if field.default is MISSING:
        path = str(field.default_factory())
        return f"`{path.replace(str(Path.home()), '~')}`"
    value = field.default
    if value is None or value == () or value == "":
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value}`"
