"""What is generated from the parameters: the documentation's table, ``default.env``, the list of names."""

from collections.abc import Callable

from bootstrap.settings import PARAMETERS, Parameter


def _row(parameter: Parameter) -> str:
    default = f"`{parameter.default}`" if parameter.default else ""
    text = parameter.text
    if parameter.secret:
        text += f" Or `{parameter.name}_FILE`."
    if parameter.aliases:
        text += " Alias: " + ", ".join(f"`{name}`" for name in parameter.aliases) + "."
    return f"| `{parameter.name}` | {default} | {text} |\n"


def markdown() -> str:
    """The table of the documentation, one row for each parameter."""
    return "| parameter | default | meaning |\n|---|---|---|\n" + "".join(map(_row, PARAMETERS))


def env() -> str:
    """``default.env``: every parameter with its default; secrets and paths are left for the user to set."""
    lines = ["# Defaults of the image. Do not edit: set what you change in custom.env.\n"]
    for parameter in PARAMETERS:
        shown = f"{parameter.name}={parameter.default}"
        lines.append(f"{shown}\n" if parameter.default else f"# {parameter.name}=\n")
    return "".join(lines)


def names() -> str:
    """One parameter a line, the word ``secret`` behind a secret one; aliases and _FILE forms too."""
    lines = []
    for parameter in PARAMETERS:
        for name in parameter.variables:
            lines.append(f"{name} secret\n" if parameter.secret else f"{name}\n")
            if parameter.secret:
                lines.append(f"{name}_FILE\n")
    return "".join(lines)


RENDERERS: dict[str, Callable[[], str]] = {"markdown": markdown, "env": env, "names": names}
