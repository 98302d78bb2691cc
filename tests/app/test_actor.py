"""What is due is done by what is known at that moment, and by what the database says of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firewarden.app.actor import OURSELVES, Actor
from firewarden.app.alarms import Alarms
from firewarden.app.memory import Memory
from firewarden.app.ownership import Ownership
from firewarden.app.telling import Telling
from firewarden.decide.attribution import Attributions
from firewarden.decide.deeds import Deeds
from firewarden.decide.docket import Docket
from firewarden.decide.judge import Judge
from firewarden.model.action import Effect, Intent, Outcome
from firewarden.model.activity import Sample, Scrape
from firewarden.model.deployment import Deployment
from firewarden.model.people import Override, OverrideKind
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Mode, Verb
from firewarden.observe.watch import AccountWatch
from firewarden.policy.rules import PolicySet
from firewarden.store import incidents, intents, ledger, overrides
from firewarden.store.engine import Database
from tests.act.cloud import Cloud, Tenure, an_order, met
from tests.app.means import account_of, tools_of
from tests.observe.test_watch import NOTHING
from tests.support.acting import ENFORCED, an_incident, an_intent, in_mode
from tests.support.clock import FakeClock
from tests.support.deciding import ACCOUNT, NOW, a_deployment, a_situation, minutes, policies

SECOND = timedelta(seconds=1)
SCALED = ["PATCH min=0", "SCALE 0"]
QUIET = Sample(request_rate=0.0, prompt_token_rate=0.0, concurrency=0.0)
FLEET = (a_deployment(), a_deployment("exp-2"), a_deployment("exp-3"))
ONE_AN_HOUR = policies(ENFORCED + "    limits: {per_hour: 1, share_per_hour: 100%}\n")


def a_scrape(ago: timedelta, *fleet: Deployment) -> Scrape:
    """Metrics of so long *ago*, in which nobody calls *fleet*."""
    return Scrape(
        account=ACCOUNT,
        asked_at=NOW - ago,
        answered_at=NOW - ago,
        whole=True,
        samples={one.name: QUIET for one in fleet},
    )


@dataclass(slots=True)
class Post:
    """An actor with its lease, the cloud it acts on, and a memory in which exp-1 is due."""

    database: Database
    folder: Path
    policy_set: PolicySet = field(default_factory=lambda: in_mode("enforce"))
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    cloud: Cloud = field(init=False)

    def __post_init__(self) -> None:
        self.cloud = Cloud(self.clock, self.database)
        self.cloud.show(*FLEET)
        with self.database.writing() as session:
            for one in FLEET:
                ledger.write_change(session, ACCOUNT, met(one), at=NOW)
                incidents.write(session, self.due(one.deployment_id))

    def due(self, name: str = "exp-1") -> Incident:
        (policy,) = self.policy_set.policies
        return an_incident(name, policy_hash=policy.hash)

    def actor(self) -> Actor:
        return Actor(
            account=account_of(self.cloud, self.folder),
            tools=tools_of(self.database, self.folder, self.clock),
            policies=self.policy_set,
            judge=Judge(self.policy_set),
            telling=Telling(policies=self.policy_set, variables={}),
        )

    def memory(self, *scrapes: Scrape, **changes: Any) -> Memory:
        """What a cycle of just now has left, and *scrapes* (one of now) that came before."""
        judged = a_situation(*FLEET, ceiling=Mode.ENFORCE)
        watch = AccountWatch(
            self.cloud,
            NOTHING,
            clock=self.clock,
            crash=lambda _point: None,
            poll_every=judged.poll_every,
            absent_is_quiet=False,
        )
        seen = scrapes or (a_scrape(0 * SECOND, *FLEET),)
        for scrape in seen:
            watch.book.fold(scrape, judged.fleet)
        plain: dict[str, Any] = {
            "watch": watch,
            "alarms": Alarms(ACCOUNT, clock=self.clock),
            "docket": Docket(braked=False),
            "deeds": Deeds(),
            "surroundings": {},
            "surroundings_at": NOW,
            "prices": (),
            "ownership": Ownership(Attributions(), {}),
            "judged": judged,
            "due": (self.due(),),
            "scraped_at": seen[-1].asked_at,
        }
        return Memory(**plain | changes)

    async def act(self, memory: Memory) -> list[str]:
        """Let it act, and give what was sent."""
        await self.actor().act(memory, Tenure())
        return self.cloud.sent

    def store(self, *done: Intent) -> None:
        """Have another process, or this one before it died, write *done*."""
        with self.database.writing() as session:
            for one in done:
                number = intents.claim(session, replace(one, outcome=Outcome.PLANNED))
                assert number is not None
                if one.finished_at is not None:
                    intents.finish(session, number, one.outcome, detail="", at=one.finished_at)

    def stored(self) -> list[Intent]:
        with self.database.reading() as session:
            return list(intents.read_recent(session, ACCOUNT, since=NOW - minutes(60)))


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    database = Database.open("sqlite://", upgrade=True)
    yield Post(database, tmp_path)
    database.close()


async def test_what_is_due_is_done_once(post: Post) -> None:
    memory = post.memory()

    assert await post.act(memory) == SCALED
    assert memory.due == ()
    assert await post.act(memory) == SCALED
    (intent,) = post.stored()
    assert (intent.outcome, list(memory.deeds.intents)) == (Outcome.APPLIED, [intent.action_id])


@pytest.mark.parametrize(
    ("scrapes", "sent"),
    [
        pytest.param([a_scrape(10 * SECOND, *FLEET)], SCALED, id="ten seconds ago"),
        pytest.param([a_scrape(10.001 * SECOND, *FLEET)], [], id="a moment longer ago"),
        pytest.param(
            [a_scrape(9 * SECOND, *FLEET), a_scrape(SECOND, *FLEET[1:])],
            [],
            id="the newest says nothing of it",
        ),
        pytest.param(
            [a_scrape(30 * SECOND, *FLEET), a_scrape(SECOND, *FLEET)],
            SCALED,
            id="one after another",
        ),
    ],
)
async def test_what_runs_is_stopped_on_a_scrape_of_just_now_or_waits_for_the_next(
    post: Post, scrapes: list[Scrape], sent: list[str]
) -> None:
    assert await post.act(post.memory(*scrapes)) == sent


async def test_evidence_that_grew_old_while_the_target_was_read_stops_nothing(post: Post) -> None:
    memory = post.memory(a_scrape(5 * SECOND, *FLEET))
    post.cloud.slow = timedelta(seconds=6)

    assert await post.act(memory) == []
    (intent,) = post.stored()
    assert intent.outcome is Outcome.REFUSED
    assert intent.detail == "its use was looked at too long ago by then"


async def test_without_any_scrape_of_this_process_nothing_is_stopped(post: Post) -> None:
    assert await post.act(post.memory(scraped_at=None)) == []


@pytest.mark.parametrize("kind", [OverrideKind.PAUSE, OverrideKind.SNOOZE, OverrideKind.PROTECT])
async def test_a_word_that_no_cycle_has_read_yet_is_heard_at_the_claim(
    post: Post, kind: OverrideKind
) -> None:
    uid = FLEET[0].uid if kind.is_about_one else None
    word = Override(account=ACCOUNT, kind=kind, uid=uid, since=NOW, actor="cli:ada@here")
    with post.database.writing() as session:
        overrides.put(session, word)

    assert await post.act(post.memory()) == []
    assert post.stored() == []


async def test_a_word_about_another_holds_nothing_back(post: Post) -> None:
    word = Override(
        account=ACCOUNT,
        kind=OverrideKind.SNOOZE,
        uid=FLEET[1].uid,
        since=NOW,
        actor="cli:ada@here",
    )
    with post.database.writing() as session:
        overrides.put(session, word)

    assert await post.act(post.memory()) == SCALED


async def test_what_the_last_read_says_is_held_against_it(post: Post) -> None:
    post.cloud.there["exp-1"] = replace(FLEET[0], min_replica_count=2)

    assert await post.act(post.memory()) == []
    (intent,) = post.stored()
    assert intent.outcome is Outcome.REFUSED
    assert intent.detail == "min_replica_count was 1 and is 2"


async def test_of_two_that_are_due_the_second_waits_for_the_limits(post: Post) -> None:
    post.policy_set = ONE_AN_HOUR

    assert await post.act(post.memory(due=(post.due(), post.due("exp-2")))) == SCALED
    assert [one.uid for one in post.stored()] == [FLEET[0].uid]


async def test_what_another_process_did_within_the_hour_counts_at_the_claim(post: Post) -> None:
    post.policy_set = ONE_AN_HOUR
    post.store(an_intent("exp-2", opened_at=None))

    assert await post.act(post.memory()) == []


async def test_calls_of_another_process_that_failed_hold_it_back_at_the_claim(post: Post) -> None:
    failed = an_intent("exp-2", verb=Verb.RESTORE, opened_at=None, outcome=Outcome.FAILED)
    post.store(*(replace(failed, planned_at=NOW - minutes(ago)) for ago in (3, 2, 1)))

    assert await post.act(post.memory()) == []


@pytest.mark.parametrize(
    ("ago", "outcome", "sent"),
    [
        pytest.param(14 * SECOND, Outcome.PLANNED, [], id="its call may be under way"),
        pytest.param(15 * SECOND, Outcome.EXPIRED, [], id="found undone, to be judged anew"),
    ],
)
async def test_what_was_left_open_is_found_out_by_reading_before_anything_is_done(
    post: Post, ago: timedelta, outcome: Outcome, sent: list[str]
) -> None:
    open_one = an_intent(planned_at=NOW - ago, finished_at=None, opened_at=None)
    post.store(open_one)
    deeds = Deeds.of(post.stored())

    assert await post.act(post.memory(deeds=deeds, due=())) == sent
    assert [one.outcome for one in post.stored()] == [outcome]


async def test_one_deployment_has_one_order_at_a_time(post: Post) -> None:
    back = an_order(Effect(max_replica_count=1), Verb.RESTORE, incident=None, evidence={})

    assert await post.act(post.memory(owed=(back,))) == ["PATCH max=1"]
    assert [one.verb for one in post.stored()] == [Verb.RESTORE]


async def test_a_write_that_changed_more_than_it_should_pauses_everything(post: Post) -> None:
    post.cloud.strays = ("displayName",)

    assert await post.act(post.memory(due=(post.due(), post.due("exp-2")))) == SCALED[:1]
    with post.database.reading() as session:
        (pause,) = overrides.standing(session, ACCOUNT, now=NOW)
    assert (pause.kind, pause.actor) == (OverrideKind.PAUSE, OURSELVES)
    assert "displayName" in pause.reason
