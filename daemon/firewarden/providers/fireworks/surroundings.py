"""What leans on a deployment: deployed models, routers, the trainer it belongs to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from firewarden.errors import ProviderError, ProviderUnavailable
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.ids import AccountId
from firewarden.ports import Clock
from firewarden.providers.fireworks.client import Ask, Client
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.paging import page_reader, read_body, walk
from firewarden.providers.fireworks.wire import (
    DeployedModel,
    Router,
    TrainerJob,
    decode,
    decoder_of,
    last_part,
    text,
)

FRESH_FOR_S = 10.0
"""For this long several deployments are examined on one reading of models and routers."""

MOST_TRAINERS = 200

_ENDED = frozenset(
    {"ARCHIVED", "CANCELLED", "COMPLETED", "DELETED", "EARLY_STOPPED", "EXPIRED", "FAILED"}
)
_LIVE = frozenset({
    "CREATING", "CREATING_INPUT_DATASET", "EVALUATION", "IDLE", "PAUSED", "PENDING",
    "POLICY_UPDATE", "RE_QUEUEING", "ROLLOUT", "RUNNING", "VALIDATING", "WRITING_RESULTS",
})  # fmt: skip
_TRAINER = decoder_of(TrainerJob)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaning:
    """Everything on the account that names deployments, by full deployment name."""

    models: Mapping[str, Sequence[DeployedModel]]
    routers: Mapping[str, Sequence[Router]]

    @classmethod
    def of(
        cls, models: Iterable[DeployedModel], routers: Iterable[Router], account: AccountId
    ) -> "Leaning":
        """Sort rows by the deployments that they name; serverless ones name none."""
        by_deployment: dict[str, list[DeployedModel]] = defaultdict(list)
        for row in models:
            if row.deployment and not row.serverless:
                by_deployment[full_name(row.deployment, account)].append(row)
        routing: dict[str, list[Router]] = defaultdict(list)
        for router in routers:
            for name in router.deployments or ():
                routing[full_name(name, account)].append(router)
        return cls(models=by_deployment, routers=routing)

    def on(self, name: str, base_model: str, *, is_trainer_gone: bool | None) -> Surroundings:
        """Tell what leans on the deployment called *name*."""
        rows = self.models.get(name, ())
        routers = self.routers.get(name, ())
        defaults = sorted({row.model for row in rows if row.default and row.model})
        made = (last_part(router.name) for router in routers if not router.auto_generated)
        return Surroundings(
            default_models=tuple(defaults),
            default_alternatives=min((self._others(model, name) for model in defaults), default=0),
            is_published=any(row.public for row in rows) or any(one.public for one in routers),
            addon_count=_addons(rows, base_model),
            routers=tuple(sorted(made)),
            is_trainer_gone=is_trainer_gone,
        )

    def _others(self, model: str, name: str) -> int:
        """Count the other deployments on which *model* is deployed now."""
        return sum(
            other != name
            and any(row.model == model and text(row.state) == "DEPLOYED" for row in rows)
            for other, rows in self.models.items()
        )


class SurroundingsReader:
    """Reads models, routers and trainers of one account."""

    def __init__(self, client: Client, *, account: AccountId, clock: Clock, limits: Limits) -> None:
        self._client = client
        self._account = account
        self._clock = clock
        self._limits = limits
        self._leaning: tuple[float, Leaning] | None = None

    async def of_all(self, deployments: Iterable[Deployment]) -> dict[str, Surroundings]:
        """Tell what leans on each of *deployments*; nothing where a part cannot be read.

        Raises:
            ProviderError: deployed models or routers cannot be read to their end.
        """
        wanted = list(deployments)
        leaning = await self._read()
        gone = await self._trainers({one.trainer_job for one in wanted if one.trainer_job})
        return {
            one.name: leaning.on(
                one.name, one.base_model, is_trainer_gone=gone.get(one.trainer_job)
            )
            for one in wanted
        }

    async def of(self, deployment: Deployment) -> Surroundings:
        """Tell what leans on *deployment*; models and routers may be `FRESH_FOR_S` old.

        Raises:
            ProviderError: deployed models or routers cannot be read to their end.
        """
        if self._leaning is None or self._clock.mono() - self._leaning[0] > FRESH_FOR_S:
            await self._read()
        assert self._leaning is not None
        gone = await self._trainers({deployment.trainer_job} - {""})
        return self._leaning[1].on(
            deployment.name,
            deployment.base_model,
            is_trainer_gone=gone.get(deployment.trainer_job),
        )

    async def _read(self) -> Leaning:
        began = self._clock.mono()
        base = f"/v1/accounts/{self._account}"
        models = await walk(
            self._client,
            f"{base}/deployedModels",
            page_reader("deployedModels", DeployedModel),
            limits=self._limits,
        )
        routers = await walk(
            self._client, f"{base}/routers", page_reader("routers", Router), limits=self._limits
        )
        leaning = Leaning.of(
            models.whole(f"GET {base}/deployedModels"),
            routers.whole(f"GET {base}/routers"),
            self._account,
        )
        self._leaning = (began, leaning)
        return leaning

    async def _trainers(self, jobs: set[str]) -> dict[str, bool | None]:
        """Tell of each of *jobs* whether it has ended; left out or None where nobody knows."""
        gone: dict[str, bool | None] = {}
        for job in sorted(jobs)[:MOST_TRAINERS]:
            try:
                gone[job] = await self._is_gone(job)
            except ProviderUnavailable:
                break  # the others would fare no better, and there may be many
            except ProviderError:
                gone[job] = None
        return gone

    async def _is_gone(self, job: str) -> bool | None:
        prefix = f"accounts/{self._account}/rlorTrainerJobs/"
        short = job.removeprefix(prefix)
        if "/" in short or short in {"", ".", ".."}:
            return None  # of another account: not ours to ask about
        ask = Ask(
            path=f"/v1/{prefix}{quote(short, safe='')}",
            most_bytes=self._limits.body_bytes,
            within_s=self._limits.call_s,
        )
        found = await read_body(self._client, ask, lambda body: decode(_TRAINER, body))
        return trainer_gone(found) if last_part(found.name) == short else None


def trainer_gone(job: TrainerJob) -> bool | None:
    """Tell whether *job* has ended, by its own words; None where they do not settle it.

    A job that cannot be found proves nothing: deleted ones stay readable for 30 days
    (Fireworks cookbook), so a 404 is as likely a key that may not see it. A live state beside
    an instant of completion contradicts itself.
    """
    state = text(job.state).removeprefix("JOB_STATE_")
    if state in _ENDED:
        return True
    return False if state in _LIVE and job.completed_time is None else None


def _addons(rows: Sequence[DeployedModel], base_model: str) -> int:
    """Count the rows beyond the base model's own; each is one loaded add-on."""
    models = {row.model for row in rows if row.model}
    bare = base_model.partition("@")[0]
    has_base = any(model.partition("@")[0] == bare for model in models if model)
    return max(0, len(models) - (1 if has_base or not base_model else 0))


def full_name(name: str, account: AccountId) -> str:
    """Give the full name of the deployment that a row names, in full or by its id."""
    return name if name.startswith("accounts/") else f"accounts/{account}/deployments/{name}"
