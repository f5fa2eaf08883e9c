"""The house's rules as functions over source text: what each finds is a list of sentences, empty when all is well."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# From the top down: an app may import itself and what stands to its right.
LAYERS = ("portal", "ai", "monitoring", "devices", "seniors")
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "services"})
# Heavy ML and media libraries may be imported where they are used, so that a web process never loads them.
HEAVY = frozenset({"sklearn", "joblib", "aiortc", "av", "scipy"})


@dataclass(frozen=True)
class Module:
    """One source file: `name` is dotted, as Python imports it."""

    name: str
    source: str

    @property
    def app(self) -> str:
        return self.name.split(".")[0]

    @property
    def package(self) -> str:
        return self.name.rpartition(".")[0]

    def parse(self) -> ast.Module:
        return ast.parse(self.source)


@dataclass(frozen=True)
class Import:
    target: str
    line: int
    inside_function: bool
    for_types_only: bool


def find_imports(module: Module, is_package: bool = False) -> list[Import]:
    """Return every import of the module, also those inside functions and under TYPE_CHECKING, by absolute name."""
    found: list[Import] = []

    def visit(node: ast.AST, inside: bool, types: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, inside, types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.extend(
                Import(target, node.lineno, inside, types) for target in _name_targets(module, node, is_package)
            )
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for statement in node.body:
                visit(statement, inside, True)
            for statement in node.orelse:
                visit(statement, inside, types)
            return
        for child in ast.iter_child_nodes(node):
            visit(child, inside, types)

    visit(module.parse(), False, False)
    return found


def _name_targets(module: Module, node: ast.ImportFrom, is_package: bool) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        parts = module.name.split(".") if is_package else module.name.split(".")[:-1]
        kept = parts[: len(parts) - node.level + 1]
        base = ".".join([*kept, base] if base else kept)
    for alias in node.names:
        yield f"{base}.{alias.name}"


def find_upward_imports(module: Module, is_package: bool = False) -> list[str]:
    """Imports of an app by one that stands below it."""
    if module.app not in LAYERS:
        return []
    above = LAYERS[: LAYERS.index(module.app)]
    return [
        f"{module.name}:{entry.line} imports {entry.target}"
        for entry in find_imports(module, is_package)
        if entry.target.split(".")[0] in above
    ]


def find_hidden_imports(module: Module, is_package: bool = False) -> list[str]:
    """Imports inside functions, heavy libraries aside, and `AppConfig.ready`, where Django wants them."""
    if module.name.endswith(".apps"):
        return []
    return [
        f"{module.name}:{entry.line} imports {entry.target} inside a function"
        for entry in find_imports(module, is_package)
        if entry.inside_function and entry.target.split(".")[0] not in HEAVY
    ]


def find_circle(modules: Mapping[str, tuple[Module, bool]]) -> list[str]:
    """Return the names of one circle of imports among `modules` (name -> module, is_package), [] when there is none."""
    edges = {
        name: {
            target for entry in find_imports(module, package) if (target := _resolve(entry, modules)) not in ("", name)
        }
        for name, (module, package) in modules.items()
    }
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(edges[name]):
            if circle := walk(target, [*path, name]):
                return circle
        done.add(name)
        return []

    for name in sorted(edges):
        if circle := walk(name, []):
            return circle
    return []


def _resolve(entry: Import, modules: Mapping[str, tuple[Module, bool]]) -> str:
    """The module of ours that an import loads, "" for any other; what is only for types loads nothing."""
    if entry.for_types_only:
        return ""
    if entry.target in modules:
        return entry.target
    parent = entry.target.rpartition(".")[0]
    return parent if parent in modules else ""


def find_long_modules(module: Module) -> list[str]:
    lines = len(module.source.splitlines())
    return [f"{module.name} has {lines} lines"] if lines > MAX_MODULE_LINES else []


def find_long_functions(module: Module) -> list[str]:
    found = []
    for node in ast.walk(module.parse()):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                found.append(f"{module.name}:{node.lineno} {node.name} has {length} lines")
    return found


def find_forbidden_names(module: Module) -> list[str]:
    """Modules named for nothing in particular."""
    bad = FORBIDDEN_NAMES.intersection(module.name.split("."))
    return [f"{module.name}: {name} says nothing about its job" for name in sorted(bad)]


def find_catch_alls(module: Module) -> list[str]:
    """Handlers that swallow every exception, as `module:function`; one that cleans up and raises it again is none."""
    found = []
    for function in _walk_functions(module.parse()):
        for node in _walk_own(function):
            if isinstance(node, ast.ExceptHandler) and _catches_all(node.type) and not _raises_again(node):
                found.append(f"{module.name}:{getattr(function, 'name', '<module>')}")
    return found


def _catches_all(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in names)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _walk_functions(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _walk_own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions defined in it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _walk_own(child)


def find_prints(module: Module) -> list[str]:
    return [
        f"{module.name}:{node.lineno} prints"
        for node in ast.walk(module.parse())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


WRITES = frozenset(
    {
        "create", "acreate", "get_or_create", "aget_or_create", "update_or_create", "aupdate_or_create", "bulk_create",
        "abulk_create", "bulk_update", "abulk_update", "update", "aupdate", "delete", "adelete",
    }
)  # fmt: skip


def find_writes(module: Module, model: str, table: str) -> list[str]:
    """Writes to `model`: a query chain that begins with its name and ends in a write, an instance made to be saved,
    or SQL that changes its table."""
    found = []
    for node in ast.walk(module.parse()):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in WRITES and _begins_with(node.func, model):
                found.append(f"{module.name}:{node.lineno} {model} {node.func.attr}")
            elif isinstance(node.func, ast.Name) and node.func.id == model:
                found.append(f"{module.name}:{node.lineno} makes {model}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _changes_table(node.value, table):
            found.append(f"{module.name}:{node.lineno} SQL changes {table}")
    return found


def _begins_with(node: ast.expr, model: str) -> bool:
    while True:
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return isinstance(node, ast.Name) and node.id == model


def _changes_table(text: str, table: str) -> bool:
    words = text.lower().replace('"', "").split()
    starts = {"into", "update", "from"} if "delete" in words else {"into", "update"}
    return any(first in starts and second.split("(")[0] == table for first, second in pairwise(words))


def find_signals(module: Module) -> list[str]:
    """Names bound to a new django.dispatch.Signal."""
    return [
        f"{module.name}.{target.id}"
        for node in ast.walk(module.parse())
        if isinstance(node, ast.Assign | ast.AnnAssign) and _makes_signal(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]


def _makes_signal(value: ast.expr | None) -> bool:
    if not isinstance(value, ast.Call):
        return False
    name = value.func
    return (isinstance(name, ast.Name) and name.id == "Signal") or (
        isinstance(name, ast.Attribute) and name.attr == "Signal"
    )
