"""Commands that refuse, before any work, an option that is empty and one that has no effect beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand

from cellapp.errors import InputError


@dataclass(frozen=True)
class Needs:
    """An option that is used only where another one has one of some values."""

    option: str  # names of parameters, as the command's function has them
    other: str
    values: tuple[str, ...] = ()  # none: any value will do

    def why_idle(self, given: Mapping[str, Any], flags: Mapping[str, str]) -> str:
        """Return what is missing; empty where the option is used."""
        value = given[self.other]
        if value in self.values or (not self.values and value):
            return ""
        return " ".join(["without", flags[self.other], " or ".join(self.values)]).strip()


@dataclass(frozen=True)
class Excludes:
    """An option that is not used where another one has a value."""

    option: str
    other: str
    value: Any = None  # None: any value

    def why_idle(self, given: Mapping[str, Any], flags: Mapping[str, str]) -> str:
        """Return what is in the way; empty where the option is used."""
        value = given[self.other]
        if not (value if self.value is None else value == self.value):
            return ""
        return f"with {flags[self.other]} {self.value}" if isinstance(self.value, str) else f"with {flags[self.other]}"


IDLE: Mapping[str, tuple[Needs | Excludes, ...]] = {
    "analyse": (
        *(Excludes(option, "head", "none") for option in ("encoder", "unsure", "error_rate")),
        *(Excludes(option, "labels") for option in ("diameter", "second_look")),
    ),
    "discover": (
        *(Needs(option, "vae") for option in ("latent", "beta", "epochs")),
        *(Excludes(option, "vae") for option in ("encoder", "measured")),
        Excludes("encoder", "measured"),
    ),
    "label suggest": (
        *(Needs(option, "order", ("band",)) for option in ("of_class", "band")),
        Needs("like", "order", ("like",)),
        Needs("seed", "order", ("random", "least-sure", "band")),
    ),
    "score segmenter": (Needs("before", "examples"),),
    "worker": tuple(Excludes(option, "once") for option in ("idle_s", "server")),
}
"""By command, what decides whether an option has an effect, as far as the command line alone says it."""


class CheckedCommand(TyperCommand):
    """A command whose options all have an effect."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """Parse, refusing what is empty: a folder "" would be the current one."""
        _refuse_empty(self.params, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:
        """Run the command, refusing options that have no effect."""
        flags = {param.name: param.opts[-1] for param in self.params}
        for rule in IDLE.get(ctx.command_path.partition(" ")[2], ()):
            source = ctx.get_parameter_source(rule.option)
            if source is not None and source.name == "COMMANDLINE":
                flag = flags[rule.option]
                refuse_idle(flag, ctx.params[rule.option], rule.why_idle(ctx.params, flags))
        return super().invoke(ctx)


class Commands(typer.Typer):
    """A group of commands of this kind."""

    def command(self, name: str | None = None, **options: Any) -> Any:
        """Register a function as a command."""
        return super().command(name, cls=CheckedCommand, **options)


def refuse_idle(flag: str, value: Any, why: str) -> None:
    """Raise InputError for an option that has no effect.

    Parameters
    ----------
    flag : str
        "--control".
    value : Any
        As it was given; that of a switch is not said.
    why : str
        "without --vae", or "with --once"; nothing is raised where it is empty.
    """
    if not why:
        return
    way_out = f"give that, too, or leave {flag} out" if why.startswith("without") else "leave one of them out"
    said = "" if isinstance(value, bool) else f" {_text(value)}"
    raise InputError(f"{flag}{said} has no effect {why}; {way_out}")


def _text(value: Any) -> str:
    return " ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _refuse_empty(params: Sequence[Any], args: Sequence[str]) -> None:
    """Raise InputError where an option or an argument is empty that has no use for it."""
    takes = {flag: param for param in params for flag in param.opts if not getattr(param, "is_flag", False)}
    for before, text in zip(["", *args], args, strict=False):
        option = takes.get(before if text == "" else text.removesuffix("=") if text.endswith("=") else "")
        if text != "" and option is None:
            continue
        if option is None or option.default != "":
            name = option.opts[-1] if option is not None else "an argument"
            raise InputError(
                f"{name} is empty, perhaps a variable of the shell that is not set; give a value, where a folder is "
                "meant . for the current one"
            )
