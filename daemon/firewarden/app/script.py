"""What a demo is played by: the policies in force, and what its people do on which cue."""

from collections.abc import Mapping
from datetime import timedelta

from firewarden.app.cast import Cue, call, keep, take_over
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import IncidentState

IDLE = PolicyName("idle-to-zero")
STALE = PolicyName("stale-delete")

STOPS = """\
version: 1
policies:
  idle-to-zero:
    description: What nobody calls goes to zero replicas, and comes back when it is called.
    mode: enforce
    match: {all: true}
    when: {idle_for: 15m, replicas_at_least: 1}
    stages: [warn, {wait: 15m}, scale_to_zero]
    limits: {per_cycle: 20, per_hour: 100, share_per_hour: 100%}
"""
"""Limits are wide: a demo is short."""

DELETES = """\
version: 1
notify:
  receiver: {{webhook: "file:{hook}"}}
policies:
  stale-delete:
    description: What has been at zero for long is deleted, if its warning was taken.
    mode: enforce
    match: {{name: "poc-*"}}
    when: {{at_zero_for: 1h}}
    stages: [{{warn: {{to: receiver}}}}, {{wait: 1h}}, delete]
    allow: [default_model]
"""
"""*hook* is the file that holds the receiver's address: a delete needs a receipt of its warning."""

CUES: Mapping[str, tuple[Cue, ...]] = {
    "small": (
        Cue(
            subject="eval-friday",
            policy=IDLE,
            state=IncidentState.WAITING,
            after=timedelta(minutes=4),
            deed=keep(who="cli:grace@acme", length="3h", reason="the next run is at noon"),
        ),
        Cue(
            subject="poc-march",
            policy=STALE,
            state=IncidentState.WAITING,
            after=timedelta(minutes=15),
            deed=call,
        ),
        Cue(
            subject="ranker",
            policy=IDLE,
            state=IncidentState.DONE,
            after=timedelta(minutes=25),
            deed=call,
        ),
        Cue(
            subject="batch-embed",
            policy=IDLE,
            state=IncidentState.DONE,
            after=timedelta(minutes=20),
            deed=take_over(floor=1),
        ),
    ),
    "large": (),
}
"""By fleet."""
