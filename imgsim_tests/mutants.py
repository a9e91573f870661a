"""Small changes of the code, and which of them no test notices: a table, and each survivor with its line.

python -m imgsim_tests.mutants --minutes 10 --only retrieval/glrt.py
"""

import argparse
import ast
import contextlib
import importlib
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeAlias

import pytest

from imgsim_tests.workplace import ROOT

PRODUCT, TESTS = "imgsim_assets", "imgsim_tests"
GROUPS = ("retrieval", "storage", "orchestration", "assets/checks.py")
# cosmic-ray has 213; of those that replace an operator this takes the neighbours and opposites: `+` turned into `<<`
# dies of a TypeError at once, and would only flatter the share.
OPERATORS = (
    *("NumberReplacer", "AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse"),
    *("ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    *(f"ReplaceUnaryOperator_Delete_{name}" for name in ("Not", "USub", "Invert")),
    *(f"ReplaceBinaryOperator_{name}" for name in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul")),
    *(f"ReplaceBinaryOperator_{name}" for name in ("Pow_Mul", "BitAnd_BitOr", "BitOr_BitAnd")),
    *(f"ReplaceComparisonOperator_{name}" for name in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{name}" for name in ("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt")),
    *(f"ReplaceComparisonOperator_{name}" for name in ("Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt")),
)
Span: TypeAlias = tuple[tuple[int, int], tuple[int, int]]  # (line, column) of start and end
PATIENCE = 5.0  # a mutant may take so many times longer than the unchanged code: else it never ends, and is found


@dataclass(frozen=True)
class Mutant:
    """A change of one place: the `occurrence`-th place in `module` (from the root) to which `operator` applies."""

    module: str
    line: int
    operator: str
    occurrence: int


def modules_of(root: Path, group: str) -> list[str]:
    place = root / PRODUCT / group
    files = [place] if place.suffix else sorted(place.rglob("*.py"))
    return [file.relative_to(root).as_posix() for file in files if file.name != "__init__.py"]


def mutants_of(root: Path, module: str) -> list[Mutant]:
    """All changes of what a module computes: not of types and signatures, nor of what mypy holds, `frozen`."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator

    source = (root / module).read_text(encoding="utf-8")
    nodes, promised, computed = list(ast_nodes(get_ast(source))), *_spans(source)
    found = []
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        starts = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        found += [
            Mutant(module, start[0], name, occurrence)
            for occurrence, start in enumerate(starts)
            if not _within(start, promised) and ("BinaryOperator" not in name or _within(start, computed))
        ]
    return found


def _spans(source: str) -> tuple[list[Span], list[Span]]:
    """Where annotations and dataclass decorators are, and where binary operators are (a bare `*` is none)."""
    promised, computed = [], []
    for node in ast.walk(ast.parse(source)):
        decorators = node.decorator_list if isinstance(node, ast.ClassDef) else []
        for child in (getattr(node, "annotation", None), getattr(node, "returns", None), *decorators):
            if isinstance(child, ast.expr):
                promised.append((_start(child), _end(child)))
        if isinstance(node, ast.BinOp):
            computed.append((_end(node.left), _start(node.right)))
    return promised, computed


def _start(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _within(place: tuple[int, int], spans: list[Span]) -> bool:
    return any(first <= place < last for first, last in spans)


def mirror_of(root: Path, module: str) -> list[str]:
    """The test file with the module's name; without one, all that import it, and the mirrors of modules that do."""
    if (root / _mirror(module)).exists():
        return [str(_mirror(module))]
    folder, _, name = module.removesuffix(".py").replace("/", ".").rpartition(".")
    imports = re.compile(rf"from {folder}(\.{name} import| import (\w+, )*{name}\b)")
    tests = (file for file in sorted((root / TESTS).rglob("test_*.py")) if imports.search(file.read_text("utf-8")))
    above = (file for file in sorted((root / PRODUCT).rglob("*.py")) if imports.search(file.read_text("utf-8")))
    mirrors = (root / _mirror(file.relative_to(root).as_posix()) for file in above)
    return list(dict.fromkeys(str(file.relative_to(root)) for file in (*tests, *mirrors) if file.exists()))


def _mirror(module: str) -> Path:
    return Path(TESTS, *Path(module).parent.parts[1:], f"test_{Path(module).name}")


class Ground:
    """A copy of the tree to change, and processes that test it: forked, so that libraries are loaded only once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._passes: dict[str, float | None] = {}

    def passes(self, module: str) -> float | None:
        """How many seconds the fast tests of the unchanged module take, or None: it has none that pass."""
        if module not in self._passes:
            start = time.monotonic()
            good = bool(mirror_of(self.root, module)) and self._test(module, None)
            self._passes[module] = time.monotonic() - start if good else None
        return self._passes[module]

    def survives(self, mutant: Mutant) -> str | None:
        """The changed line, where no test fails."""
        from cosmic_ray.mutating import use_mutation
        from cosmic_ray.plugins import get_operator

        seconds = self.passes(mutant.module)
        operator = get_operator(f"core/{mutant.operator}")()
        with use_mutation(self.root / mutant.module, operator, mutant.occurrence) as (before, after):
            if seconds is None or self._test(mutant.module, 10 + PATIENCE * seconds):
                pairs = zip(before.splitlines(), after.splitlines(), strict=False)
                return next(new.strip() for old, new in pairs if old != new)
        return None

    def _test(self, module: str, limit: float | None) -> bool:
        process = multiprocessing.get_context("fork").Process(
            target=_run_tests, args=(self.root, mirror_of(self.root, module))
        )
        process.start()
        process.join(limit)
        if process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid or 0, signal.SIGKILL)
            process.join()
        return process.exitcode == 0


def _run_tests(root: Path, files: list[str]) -> None:
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    for name in [name for name in sys.modules if name.startswith("imgsim_")]:
        del sys.modules[name]
    os.chdir(root)
    sys.path.insert(0, str(root))
    # A changed file may be as old and as long as the one that its byte code was made of.
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-qx", "-m", "not slow", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    os._exit(pytest.main([*options, f"--basetemp={root / 'temporary'}", *files]))


def prepare(folder: Path) -> Ground:
    """Copy what tests look at, and load what they load."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "photos")
    shutil.copytree(ROOT, folder / "tree", ignore=ignored)
    importlib.import_module(f"{TESTS}.conftest")
    for library in ("sklearn.linear_model", "scipy.optimize", "torch", "faiss", "lance"):
        importlib.import_module(library)
    return Ground(folder / "tree")


def choose(root: Path, groups: Sequence[str], seed: int) -> Iterator[tuple[str, Mutant]]:
    """All mutants in an order by chance, of each group in turn: each share is as certain as the others."""
    chance = random.Random(seed)
    each = []
    for group in groups:
        mutants = [mutant for module in modules_of(root, group) for mutant in mutants_of(root, module)]
        each.append([(group, mutant) for mutant in chance.sample(mutants, len(mutants))])
    return (one for one in chain.from_iterable(zip_longest(*each)) if one is not None)


def table(tried: Counter[str], alive: Counter[str]) -> str:
    lines = ["| group | mutants | killed | survived | share killed |", "|---|---:|---:|---:|---:|"]
    for group, count in tried.items():
        killed = count - alive[group]
        lines.append(f"| {group} | {count} | {killed} | {alive[group]} | {killed / count:.0%} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="to stop after [%(default)s]")
    parser.add_argument("--mutants", type=int, default=sys.maxsize, help="to stop after [as time allows]")
    parser.add_argument("--seed", type=int, default=0, help="of the choice [%(default)s]")
    parser.add_argument("--only", action="append", help=f"a folder or module of {PRODUCT} [{', '.join(GROUPS)}]")
    chosen = parser.parse_args()
    end = time.monotonic() + 60 * chosen.minutes
    tried, alive, untested = Counter[str](), Counter[str](), set[str]()
    with tempfile.TemporaryDirectory(prefix="imgsim-mutants-") as folder:
        ground = prepare(Path(folder))
        for group, mutant in choose(ground.root, chosen.only or GROUPS, chosen.seed):
            if time.monotonic() > end or tried.total() >= chosen.mutants:
                break
            tried[group] += 1
            if line := ground.survives(mutant):
                alive[group] += 1
                if ground.passes(mutant.module) is None:
                    untested.add(mutant.module)
                print(f"{mutant.module}:{mutant.line}: {mutant.operator}: {line}", flush=True)  # noqa: T201
    print(f"\n{table(tried, alive)}\n\nSeed {chosen.seed}.")  # noqa: T201
    for module in sorted(untested):
        print(f"{module} has no fast test of its own that passes: all its mutants survive.")  # noqa: T201


if __name__ == "__main__":
    main()
