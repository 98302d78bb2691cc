"""What `validate` found: lines for people, JSON, and SARIF for code review."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from firewarden import __version__
from firewarden.policy.problems import Problem
from firewarden.policy.syntax import lines_of
from firewarden.report.encode import JsonObject
from firewarden.report.excerpts import Excerpts
from firewarden.report.text import clean, plural

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def error_count(problems: Sequence[Problem]) -> int:
    """Count what keeps a file from being used; notes do not."""
    return Counter(problem.severity for problem in problems)["error"]


def problem_lines(problems: Sequence[Problem], files: Mapping[str, str]) -> Iterator[str]:
    """Write each as ``path:line:column: severity: message (suggestion)``, then its line.

    *files* gives texts by path.
    """
    told = {each.path for each in problems}
    excerpts = {path: Excerpts(lines_of(files[path])) for path in told}
    for each in problems:
        mend = f" ({each.suggestion})" if each.suggestion else ""
        place = f"{each.path}:{each.line}:{each.column}"
        yield clean(f"{place}: {each.severity}: {each.message}{mend}")
        yield from excerpts[each.path].around(line=each.line, column=each.column)


def summary(file_count: int, problems: Sequence[Problem]) -> str:
    """Count files, errors and notes."""
    errors = error_count(problems)
    parts = [plural(file_count, "policy file"), plural(errors, "error")]
    notes = len(problems) - errors
    return ", ".join([*parts, plural(notes, "note")] if notes else parts)


def problems_json(file_count: int, problems: Sequence[Problem]) -> JsonObject:
    """Give the keys of ``validate --format json``."""
    return {
        "ok": error_count(problems) == 0,
        "file_count": file_count,
        "problems": [
            {
                "path": each.path,
                "line": each.line,
                "column": each.column,
                "severity": each.severity,
                "message": each.message,
                "suggestion": each.suggestion,
            }
            for each in problems
        ],
    }


def problems_sarif(problems: Sequence[Problem]) -> JsonObject:
    """Write SARIF 2.1.0, as code review tools read it."""
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "firewarden",
                        "version": __version__,
                        "rules": [{"id": "policy"}],
                    }
                },
                "results": [_result(each) for each in problems],
            }
        ],
    }


def _result(each: Problem) -> JsonObject:
    mend = f" ({each.suggestion})" if each.suggestion else ""
    region = {"startLine": each.line, "startColumn": each.column}
    return {
        "ruleId": "policy",
        "level": each.severity,
        "message": {"text": f"{each.message}{mend}"},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": each.path}, "region": region}}
        ],
    }
