"""A function without one of its checks: what a rule is worth shows when it is gone and a test fails."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from contracts.results import ResultCode


def take_away(patch: pytest.MonkeyPatch, function: Callable[..., Any], code: ResultCode, *users: ModuleType) -> None:
    """Replace a function by the same without the ``if`` that refuses with this code.

    ``users`` are the modules besides its own that imported it by its name.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    remover = _Remover(code)
    changed = ast.fix_missing_locations(remover.visit(tree))
    assert remover.removed == 1, f"{function.__qualname__} refuses with {code.name} {remover.removed} times"
    made: dict[str, Any] = {}
    # The module's own globals, so that whatever else is replaced there is replaced for this one, too.
    exec(compile(changed, inspect.getfile(function), "exec"), function.__globals__, made)
    for module in (inspect.getmodule(function), *users):
        if getattr(module, function.__name__, None) is function:
            patch.setattr(module, function.__name__, made[function.__name__])


class _Remover(ast.NodeTransformer):
    def __init__(self, code: ResultCode) -> None:
        self._code = code
        self.removed = 0

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.If(body=[*_, ast.Raise(exc=ast.Call(args=[ast.Attribute(attr=name), *_]))], orelse=[]):
                if name == self._code.name:
                    self.removed += 1
                    return ast.Pass()
        return node
