"""Change the code in small ways, one at a time, and see whether the tests notice.

Usage: python .ci/mutants.py [PACKAGE ...]. Lays out a copy of the package and of its tests as
mutmut expects them (in mutants/), runs mutmut there, and fails where fewer than nine in ten changes
were noticed.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("decide", "metering")
LEAST_KILLED = 0.90
WORK = Path("mutants")
CONFIGURATION = """
[tool.mutmut]
source_paths = ["src/firewarden"]
only_mutate = {sources}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:randomly", "--hypothesis-profile=mutants"]
"""


def lay_out(packages: list[str]) -> None:
    """Copy what is needed to run the tests of *packages*, with mutmut's configuration."""
    shutil.rmtree(WORK, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree("daemon/firewarden", WORK / "src/firewarden", ignore=ignore)
    shutil.copytree("policies", WORK / "policies")
    shutil.copytree("tests", WORK / "tests", ignore=ignore)
    configuration = CONFIGURATION.format(
        sources=json.dumps([f"src/firewarden/{package}/*" for package in packages]),
        tests=json.dumps([f"tests/{package}" for package in packages]),
    )
    own = Path("pyproject.toml").read_text(encoding="utf-8")
    (WORK / "pyproject.toml").write_text(own + configuration, encoding="utf-8")


def mutmut(*arguments: str) -> str:
    """Run mutmut in the copy; return what it printed."""
    run = subprocess.run(
        [str(Path(sys.executable).parent / "mutmut"), *arguments],
        cwd=WORK,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if run.returncode != 0:
        raise SystemExit(f"mutants: mutmut {arguments[0]} failed:\n{run.stdout[-4000:]}")
    return run.stdout


def main(packages: list[str]) -> int:
    """Mutate *packages*; return the exit code."""
    lay_out(packages)
    mutmut("run")
    survivors = [line.strip() for line in mutmut("results").splitlines() if ": " in line]
    mutmut("export-cicd-stats")
    counts = json.loads((WORK / "mutants/mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    print("\n".join(survivors))
    killed = counts["killed"] + counts["timeout"]
    ratio = killed / max(1, counts["total"])
    print(f"mutants: {killed} of {counts['total']} noticed ({ratio:.1%}) in {', '.join(packages)}")
    if ratio < LEAST_KILLED:
        print(
            f"mutants: fewer than {LEAST_KILLED:.0%}; see one with: cd mutants && mutmut show NAME"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or list(PACKAGES)))
