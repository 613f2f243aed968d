"""Nothing grows past what one can read: module ≤ 400 lines, function ≤ 50, view ≤ 20. The list of exceptions only shrinks."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULE, FUNCTION, VIEW = 400, 50, 20

#: "path:function" → why it may be longer.
EXCEPTIONS: dict[str, str] = {}


def modules() -> list[Path]:
    return sorted([*(ROOT / "clinic_portal").rglob("*.py"), ROOT / "config.py", ROOT / "wsgi.py"])


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of_code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The body's lines without the docstring; a signature may be as long as it needs."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_modules_stay_readable() -> None:
    assert not [str(path.relative_to(ROOT)) for path in modules() if len(path.read_text().splitlines()) > MODULE]


def test_functions_and_views_stay_readable() -> None:
    long = {}
    for path in modules():
        for node in functions(path):
            is_view = path.name.startswith("routes") and bool(node.decorator_list)
            name = f"{path.relative_to(ROOT)}:{node.name}"
            if lines_of_code(node) > (VIEW if is_view else FUNCTION) and name not in EXCEPTIONS:
                long[name] = lines_of_code(node)
    assert long == {}
