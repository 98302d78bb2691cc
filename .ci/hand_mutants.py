"""Take one defence of the safety code away at a time, and see whether its tests notice.

Usage: python .ci/hand_mutants.py [WORD ...]. The changes are those of tests/mutants/table.py whose
name holds one of the words, or all. Each is made in a copy of the package (in mutants/hand), with
the defences that stand before it taken away where the table says so. Noticed is what makes a test
fail: not what cannot be imported, comes to no end or breaks in Python's own words. Fails where
fewer than 19 in 20 are noticed, where one breaks in itself, or where the tests fail without.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mutants.kinds import Edit, Mutant
from tests.mutants.table import MUTANTS

LEAST_KILLED = 0.95
AT_ONCE = 2
AT_WORST_S = 300
ROOT = Path(__file__).parents[1]
WORK = ROOT / "mutants/hand"
PYTEST = (
    *("-m", "pytest", "-q", "-x", "--tb=no", "-rfE", "-n", "0"),
    *("-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"),
    *("-k", "not postgresql"),  # a server for each of them would take most of the time
)
FAILED = re.compile(r"^FAILED (\S.*?)(?: - (.*))?$", re.MULTILINE)
BLUNDER = re.compile(r"(Name|UnboundLocal|Import|ModuleNotFound|Syntax|Attribute|Type)Error\b")
"""What a change raises that is a mistake in itself; it says nothing about the defence."""

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of what is needed to run tests of a changed package."""

    root: Path

    def lay_out(self) -> None:
        """Make it, and see that its package is the one that its tests run."""
        shutil.rmtree(self.root, ignore_errors=True)
        ignore = shutil.ignore_patterns("__pycache__")
        for folder in ("daemon", "tests", "policies", "docs"):
            shutil.copytree(ROOT / folder, self.root / folder, ignore=ignore)
        shutil.copy(ROOT / "pyproject.toml", self.root)
        found = self.run("-c", "import firewarden; print(firewarden.__file__)").stdout.strip()
        if Path(found) != self.root / "daemon/firewarden/__init__.py":
            raise SystemExit(f"mutants: the tests would run {found}, not the copy in {self.root}")

    def run(self, *arguments: str) -> Done:
        """Run Python in it, with its package before the checkout's (of which a .pth tells)."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={
                **os.environ,
                "PYTHONPATH": str(self.root / "daemon"),
                "PYTHONDONTWRITEBYTECODE": "1",  # two edits in one second are one to a .pyc
                "COLUMNS": "1000",  # pytest shortens what a failure says to the terminal's width
            },
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=AT_WORST_S,
        )

    def test(self, tests: Iterable[str], edits: Sequence[Edit]) -> Done:
        """Run *tests* with *edits* made one after the other; leave it as it was."""
        try:
            for edit in edits:
                file = self.root / "daemon/firewarden" / edit.file
                text = file.read_text(encoding="utf-8")
                if text.count(edit.old) != 1:
                    raise SystemExit(f"mutants: {edit.file} does not hold once: {edit.old!r}")
                file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
            return self.run(*PYTEST, *tests)
        except subprocess.TimeoutExpired as late:
            return Done(late.cmd, returncode=-1, stdout="no end in sight")
        finally:
            for edit in edits:
                name = Path("daemon/firewarden") / edit.file
                shutil.copy(ROOT / name, self.root / name)

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """Tell whether *mutant* is NOTICED, SURVIVED or is BROKEN itself, and by what."""
        done = self.test(mutant.tests, (*mutant.off, mutant.edit))
        if done.returncode == 0:
            return "SURVIVED", ", ".join(mutant.tests)
        found = FAILED.search(done.stdout)
        if done.returncode != 1 or found is None or BLUNDER.match(found[2] or ""):
            ends = [line for line in done.stdout.splitlines() if line[:5] in {"FAILE", "ERROR"}]
            return "BROKEN", "; ".join(ends) or done.stdout[-300:]
        return "NOTICED", f"{found[1]}: {(found[2] or '')[:120]}"


class Copies:
    """Several copies, each for one piece of work at a time."""

    def __init__(self, count: int) -> None:
        """Lay them out."""
        self._free: SimpleQueue[Copy] = SimpleQueue()
        for number in range(count):
            copy = Copy(WORK / str(number))
            copy.lay_out()
            self._free.put(copy)

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """See `Copy.judge`."""
        copy = self._free.get()
        try:
            return copy.judge(mutant)
        finally:
            self._free.put(copy)

    def check(self, off: Sequence[Edit], tests: Iterable[str]) -> str:
        """Say what *tests* print where they do not pass with *off* away; "" where they do."""
        copy = self._free.get()
        try:
            done = copy.test(tests, off)
        finally:
            self._free.put(copy)
        return "" if done.returncode == 0 else f"with {off} away:\n{done.stdout[-4000:]}"


def by_file(mutants: Iterable[Mutant]) -> list[tuple[Sequence[Edit], list[str]]]:
    """Sort the tests of *mutants* by what has to be away for them, and by their files."""
    found: dict[tuple[Sequence[Edit], str], dict[str, None]] = {}
    for mutant in mutants:
        for test in mutant.tests:
            found.setdefault((mutant.off, test.partition("::")[0]), {})[test] = None
    return [(off, list(tests)) for (off, _), tests in found.items()]


def main(words: list[str]) -> int:
    """Try those that *words* mean; return the exit code."""
    chosen = [each for each in MUTANTS if not words or any(word in each.name for word in words)]
    copies = Copies(AT_ONCE)
    found: dict[str, list[str]] = {"NOTICED": [], "SURVIVED": [], "BROKEN": []}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda run: copies.check(*run), by_file(chosen))
        if failing := list(filter(None, runs)):
            print("mutants: these tests fail without a mutant:", *failing, sep="\n")
            return 1
        for mutant, (verdict, by) in zip(chosen, pool.map(copies.judge, chosen), strict=True):
            found[verdict].append(mutant.name)
            print(f"{verdict:8}  {mutant.promise:3}  {mutant.name}\n    {by}", flush=True)
    ratio = len(found["NOTICED"]) / max(1, len(chosen))
    for verdict in ("SURVIVED", "BROKEN"):
        for name in found[verdict]:
            print(f"mutants: {verdict}: {name}")
    print(f"mutants: {len(found['NOTICED'])} of {len(chosen)} made by hand noticed ({ratio:.1%})")
    return 1 if ratio < LEAST_KILLED or found["BROKEN"] else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
