"""Every error that a person can meet has its words, in every language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from unstuck.errors import UsageError, UserError
from unstuck.i18n import LANGS, messages

ROOT = Path(__file__).parents[1]


def raised_keys() -> Iterator[tuple[str, str]]:
    """(file, key) of every `UserError("key", …)` and `UsageError("key", …)` in the product."""
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "bot").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            key = node.args[0]
            if node.func.id in ("UserError", "UsageError") and isinstance(key, ast.Constant):
                yield str(path.relative_to(ROOT)), str(key.value)


def test_every_error_has_words() -> None:
    found = list(raised_keys())
    assert found
    silent = [(where, key) for where, key in found for lang in LANGS if f"errors.{key}" not in messages(lang)]
    assert silent == []


def test_a_bad_request_exits_with_2_and_a_failure_with_1() -> None:
    assert (UserError("x").exit_code, UsageError("x").exit_code) == (1, 2)
