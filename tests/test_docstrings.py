"""A docstring names the parameters that there are, and a function of many parameters says what each of them is."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.test_layers import MODULES

Function = ast.FunctionDef | ast.AsyncFunctionDef

MANY = 5  # parameters that no sentence of a docstring explains any more
TOLD_BY_OTHERS = {"cli", "api"}  # Typer's help and the OpenAPI document tell of each option
ELSEWHERE = re.compile(r"[Pp]arameters[^.]* are those of\s+`|see\s+`")
SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.DOTALL | re.MULTILINE)


def functions(body: list[ast.stmt], owner: ast.ClassDef | None = None) -> Iterator[tuple[str, Function, str]]:
    """Public functions of a module and public methods of its public classes: name, node and docstring.

    A constructor is described in its own docstring or in that of its class.
    """
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, node)
        elif isinstance(node, Function) and (node.name == "__init__" or not node.name.startswith("_")):
            texts = [ast.get_docstring(one) or "" for one in (node, owner) if one is node or node.name == "__init__"]
            described_in = next((text for text in texts if SECTION.search(text)), texts[0])
            yield f"{owner.name}.{node.name}" if owner else node.name, node, described_in


def parameters(function: Function) -> set[str]:
    of = function.args
    several = {f"*{of.vararg.arg}"} if of.vararg else set()
    several |= {f"**{of.kwarg.arg}"} if of.kwarg else set()
    return {one.arg for one in (*of.posonlyargs, *of.args, *of.kwonlyargs)} - {"self", "cls"} | several


def described(docstring: str) -> set[str] | None:
    """Names in the section of parameters; None where there is no such section."""
    section = SECTION.search(docstring)
    if section is None:
        return None
    heads = [line.partition(" :")[0] for line in section[1].splitlines() if line[:1].strip()]
    return {name.strip() for head in heads for name in head.split(",")}


def documented():
    for module, path in MODULES.items():
        for name, function, text in functions(ast.parse(path.read_text(encoding="utf-8")).body):
            yield module, f"{module}.{name}", parameters(function), text


def test_docstrings_name_the_parameters_that_there_are():
    wrong = {
        name: f"says {sorted(said - given)}, leaves out {sorted(given - said)}"
        for _, name, given, text in documented()
        if (said := described(text)) is not None and said != given
    }
    assert not wrong


def test_many_parameters_are_described_each_or_by_the_function_they_are_handed_to():
    silent = [
        name
        for module, name, given, text in documented()
        if module.split(".")[1] not in TOLD_BY_OTHERS
        and len(given) >= MANY
        and described(text) is None
        and not ELSEWHERE.search(text)
    ]
    assert not silent


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Do it.", None),
        (
            "Do it.\n\nParameters\n----------\na, b : int\n    Of it.\n*more : str\n\nReturns\n-------\nint",
            {"a", "b", "*more"},
        ),
    ],
)
def test_a_section_is_read(text, names):
    assert described(text) == names
