"""P7: how long one waits for an answer that needs nobody, as whole processes.

The peer is Cloud Custodian: the same question (help, are these policies sound), asked of
its own command, about a policy of the same size in its own language. The two are run in
turn; what counts is the CPU time of the process from its start to its end.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, ratio, spread
from benchmarks.processes import OURS, PEERS, ROOT, Spent, spend

TARGET = 0.6
ROUNDS = 25
ROUNDS_QUICK = 5

PEER_POLICIES = """\
policies:
  - name: idle-to-stop
    description: What has run for two hours, and is not production, is stopped.
    resource: aws.ec2
    filters:
      - type: instance-age
        hours: 2
      - type: value
        key: State.Name
        value: running
      - not:
          - type: value
            key: tag:env
            op: in
            value: [prod, production]
    actions: [stop]
  - name: failed
    description: What has failed is reported.
    resource: aws.ec2
    filters:
      - type: value
        key: State.Name
        value: stopped
    actions:
      - type: tag
        key: failed
        value: reported
  - name: stuck-starting
    description: What has been starting for an hour is reported.
    resource: aws.ec2
    filters:
      - type: instance-age
        hours: 1
      - type: value
        key: State.Name
        value: pending
    actions:
      - type: tag
        key: stuck
        value: reported
"""
"""What ``policies/idle.yaml`` says, as far as the peer's language can."""


def figures(*, quick: bool) -> list[Figure]:
    """Measure ``--help`` and ``validate``."""
    custodian = PEERS / "custodian"
    if not custodian.exists():
        raise RuntimeError(f"{custodian} is not there: `make bench` installs it")
    with TemporaryDirectory() as folder:
        policies = Path(folder) / "idle.yml"
        policies.write_text(PEER_POLICIES)
        ours = OURS / "firewarden"
        rounds = ROUNDS_QUICK if quick else ROUNDS
        return [
            _against("--help", [ours, "--help"], [custodian, "--help"], rounds),
            _against(
                "validate",
                [ours, "validate", ROOT / "policies/idle.yaml"],
                [custodian, "validate", policies],
                rounds,
            ),
        ]


def _against(
    what: str, ours: Sequence[str | Path], theirs: Sequence[str | Path], rounds: int
) -> Figure:
    spend(ours), spend(theirs)  # the first run of a checkout compiles
    pairs = [(spend(ours), spend(theirs)) for _ in range(rounds)]
    mine, peers = [one for one, _ in pairs], [other for _, other in pairs]
    return Figure(
        name="P7",
        what=f"CPU of firewarden {what} / custodian {what}, whole processes",
        value=ratio(_cpu(mine), _cpu(peers)),
        target=TARGET,
        details=f"{_told(mine)} against {_told(peers)}, {rounds} pairs",
    )


def _cpu(spent: Sequence[Spent]) -> list[float]:
    return [each.cpu_s for each in spent]


def _told(spent: Sequence[Spent]) -> str:
    return f"{spread(_cpu(spent))}, {max(each.peak_mib for each in spent):.0f} MiB"
