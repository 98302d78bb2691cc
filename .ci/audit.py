"""Write the bill of materials of what is shipped, then ask for known holes in it.

Usage: python .ci/audit.py LOCK. A known hole fails, and so does a package that nobody could judge
while others were. That no advisory service answers at all is said aloud and fails nothing: not
every machine reaches one.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent
BILL = Path("dist/sbom.json")


def write_bill(lock: str) -> int:
    """Write the CycloneDX bill of materials of *lock*; return how many components it names."""
    BILL.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", lock]
    options = ["--pyproject", "pyproject.toml", "--output-reproducible", "--output-file", str(BILL)]
    subprocess.run([*command, *options], check=True)
    return len(json.loads(BILL.read_text(encoding="utf-8"))["components"])


def ask_for_holes(lock: str) -> tuple[list[dict[str, object]], str]:
    """Return pip-audit's finding for each package of *lock*, and what it complained of."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [str(BIN / "pip-audit"), "--disable-pip", "--require-hashes", "-r", lock]
        options = ["--progress-spinner=off", "--timeout=20", "--format=json", f"--output={report}"]
        run = subprocess.run([*command, *options], check=False, capture_output=True, text=True)
        if not report.exists():
            return [], run.stderr
        return json.loads(report.read_text(encoding="utf-8"))["dependencies"], run.stderr


def main(lock: str) -> int:
    """Audit *lock*; return the exit code."""
    print(f"audit: {write_bill(lock)} components in {BILL}")
    found, complaint = ask_for_holes(lock)
    judged = [package for package in found if "skip_reason" not in package]
    skipped = [package for package in found if "skip_reason" in package]
    if not judged:
        why = (complaint.strip().splitlines() or ["no answer"])[-1]
        if skipped:
            why = str(skipped[0]["skip_reason"])
        print(f"audit: NOT DONE, no advisory service answered ({why})")
        return 0
    holed = [package for package in judged if package["vulns"]]
    for package in holed:
        print(f"audit: {package['name']} {package['version']}: {json.dumps(package['vulns'])}")
    for package in skipped:
        print(f"audit: {package['name']} was not judged: {package['skip_reason']}")
    print(f"audit: {len(judged)} packages judged, {len(holed)} with known holes")
    return 1 if holed or skipped else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
