"""Has charts drawn by a process of its own, which gets nothing of ours but what it draws."""

import json
import subprocess
import sys
from collections.abc import Sequence

from firewarden.errors import WorldError
from firewarden.report.charts import Spec
from firewarden.report.html import Markup

DEADLINE_S = 60
_SVG = "<svg "


class NotDrawn(WorldError):
    """The charts could not be drawn; says why."""


def draw(specs: Sequence[Spec]) -> tuple[Markup, ...]:
    """Draw *specs*, in order, as SVG to be put into a page.

    Raises:
        NotDrawn: the process could not be run, took too long, or gave something else.
    """
    command = [sys.executable, "-I", "-m", "firewarden.report.draw"]
    try:
        done = subprocess.run(  # noqa: S603  # our own module, by the interpreter that runs us
            command,
            input=json.dumps(list(specs)),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=True,
            env={},
        )
        drawn = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or [f"exit code {error.returncode}"]
        raise NotDrawn(f"no charts could be drawn ({last[0]})", mend=_MEND) from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise NotDrawn(f"no charts could be drawn ({error})", mend=_MEND) from error
    if len(drawn) != len(specs) or not all(each.startswith(_SVG) for each in drawn):
        raise NotDrawn("no charts could be drawn (what came back is no SVG)", mend=_MEND)
    return tuple(map(Markup, drawn))


_MEND = "the tables hold every number; see docs/adr/0018 for what the charts need"
