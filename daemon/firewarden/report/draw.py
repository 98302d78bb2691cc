"""Draws charts: a JSON list of Vega-Lite on standard input, one of SVG on standard output.

Run as a process of its own, ``python -m firewarden.report.draw``: the engine is large, and what
it does with text from outside it does far from our keys and our database.
"""

import json
import sys

import vl_convert


def main() -> None:
    """Draw everything that is asked for, in order."""
    specs = json.load(sys.stdin)
    json.dump([vl_convert.vegalite_to_svg(spec) for spec in specs], sys.stdout)


if __name__ == "__main__":
    main()
