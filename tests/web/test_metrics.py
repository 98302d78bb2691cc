import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

import firewarden
from firewarden.web.figures import AccountFigures, DeploymentFigures, Snapshot
from firewarden.web.metrics import OTHER, Exposition

FULL = Snapshot(
    accounts=(
        AccountFigures(
            account="acme",
            poll_duration_seconds=1.5,
            poll_last_success_at=1_762_257_600.25,
            poll_failures={"throttled": 2},
            gap_seconds=90,
            coverage_ratio=0.98,
            alerts={("meter.gap", "firing"): 1},
            actions={("scale_to_zero", "applied"): 3},
            notifications={("slack:gpu-costs", "sent"): 5},
            outbox_pending=2,
            outbox_oldest_age_seconds=61.5,
            lease_held=True,
        ),
    ),
    deployments=(
        DeploymentFigures(
            account="acme",
            deployment="chat",
            gpu="NVIDIA_H100_80GB",
            gpu_seconds={"active": 100, "idle": 20, "unknown": 3, "starting": 4},
            cost_usd=0.27,
            burn_usd_per_hour=64,
            idle_burn_usd_per_hour=32,
            replicas={"ready": 8, "starting": 1},
            quiet_seconds=2700,
        ),
    ),
)

Series = tuple[str, tuple[tuple[str, str], ...]]


def series(exposition: Exposition) -> dict[Series, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition.page().decode())
        for sample in family.samples
    }


def value(exposition: Exposition, metric: str, **labels: str) -> float | None:
    return series(exposition).get((f"firewarden_{metric}", tuple(sorted(labels.items()))))


def published(snapshot: Snapshot, *, most: int = 500) -> Exposition:
    exposition = Exposition(most=most)
    exposition.publish(snapshot)
    return exposition


def a_deployment(name: str, **figures: Any) -> DeploymentFigures:
    return DeploymentFigures(**{"account": "acme", "deployment": name, "gpu": "H100"} | figures)


def test_every_figure_has_its_name_labels_and_value() -> None:
    found = series(published(FULL))

    chat = (("account", "acme"), ("deployment", "chat"))
    held = (*chat, ("gpu", "NVIDIA_H100_80GB"))
    acme = (("account", "acme"),)
    info = next(labels for name, labels in found if name == "firewarden_build_info")
    assert ("version", firewarden.__version__) in info
    assert found == {
        ("firewarden_build_info", info): 1,
        ("firewarden_gpu_seconds_total", (*held, ("state", "active"))): 100,
        ("firewarden_gpu_seconds_total", (*held, ("state", "idle"))): 20,
        ("firewarden_gpu_seconds_total", (*held, ("state", "unknown"))): 3,
        ("firewarden_gpu_seconds_total", (*held, ("state", "starting"))): 4,
        ("firewarden_cost_usd_total", held): 0.27,
        ("firewarden_burn_usd_per_hour", chat): 64,
        ("firewarden_idle_burn_usd_per_hour", chat): 32,
        ("firewarden_replicas", (*chat, ("phase", "ready"))): 8,
        ("firewarden_replicas", (*chat, ("phase", "starting"))): 1,
        ("firewarden_quiet_seconds", chat): 2700,
        ("firewarden_poll_duration_seconds", acme): 1.5,
        ("firewarden_poll_last_success_timestamp_seconds", acme): 1_762_257_600.25,
        ("firewarden_poll_failures_total", (*acme, ("cause", "throttled"))): 2,
        ("firewarden_gap_seconds_total", acme): 90,
        ("firewarden_coverage_ratio", acme): 0.98,
        ("firewarden_alerts", (*acme, ("kind", "meter.gap"), ("state", "firing"))): 1,
        (
            "firewarden_actions_total",
            (*acme, ("outcome", "applied"), ("verb", "scale_to_zero")),
        ): 3,
        (
            "firewarden_notifications_total",
            (*acme, ("result", "sent"), ("route", "slack:gpu-costs")),
        ): 5,
        ("firewarden_outbox_pending", acme): 2,
        ("firewarden_outbox_oldest_age_seconds", acme): 61.5,
        ("firewarden_lease_held", acme): 1,
    }


def test_names_and_helps_are_as_prometheus_wants_them() -> None:
    families = list(text_string_to_metric_families(published(FULL).page().decode()))

    assert len(families) == 18
    for family in families:
        name = family.name + ("_total" if family.type == "counter" else "")
        assert re.fullmatch(r"firewarden_[a-z]+(_[a-z]+)*", name)
        assert family.documentation.endswith(".")
        assert family.type in {"counter", "gauge"}
        assert family.type == "counter" or not name.endswith(("_total", "_count", "_sum"))
        words = set(name.split("_"))
        not_base = {"milliseconds", "minutes", "hours", "days", "percent", "ms", "kb", "info"}
        assert not words & (not_base - ({"info"} if name == "firewarden_build_info" else set()))
        assert not words & {"gauge", "counter", "histogram", "metric"}
        for sample in family.samples:
            assert all(re.fullmatch(r"[a-z]+", label) for label in sample.labels)


def test_before_the_first_cycle_only_the_build_is_known() -> None:
    assert [name for name, _ in series(Exposition())] == ["firewarden_build_info"]


def test_a_new_snapshot_replaces_the_old_one() -> None:
    exposition = published(Snapshot(deployments=(a_deployment("chat", replicas={"ready": 2}),)))
    exposition.page()

    exposition.publish(Snapshot(deployments=(a_deployment("embed", replicas={"ready": 1}),)))

    labels = {"account": "acme", "phase": "ready"}
    assert value(exposition, "replicas", deployment="chat", **labels) is None
    assert value(exposition, "replicas", deployment="embed", **labels) == 1


@pytest.mark.parametrize("figure", ["burn_usd_per_hour", "idle_burn_usd_per_hour", "quiet_seconds"])
def test_what_is_not_known_has_no_series_and_is_not_zero(figure: str) -> None:
    exposition = published(Snapshot(deployments=(a_deployment("chat", **{figure: None}),)))

    assert value(exposition, figure, account="acme", deployment="chat") is None


def test_a_deployment_on_two_kinds_of_gpu_burns_their_sum_or_an_unknown_amount() -> None:
    h100 = a_deployment("chat", burn_usd_per_hour=8)
    b200 = a_deployment("chat", gpu="B200", burn_usd_per_hour=13)
    unpriced = a_deployment("chat", gpu="NEW", burn_usd_per_hour=None)

    both = published(Snapshot(deployments=(h100, b200)))
    with_unpriced = published(Snapshot(deployments=(h100, unpriced, b200)))

    name = {"account": "acme", "deployment": "chat"}
    assert value(both, "burn_usd_per_hour", **name) == 21
    assert value(with_unpriced, "burn_usd_per_hour", **name) is None


def test_a_counter_does_not_fall_when_the_ledger_corrects_itself() -> None:
    exposition = Exposition()
    read = []
    for cost in (10.0, 9.0, 9.5, 12.0):
        exposition.publish(Snapshot(deployments=(a_deployment("chat", cost_usd=cost),)))
        read.append(
            value(exposition, "cost_usd_total", account="acme", deployment="chat", gpu="H100")
        )

    assert read == [10, 10, 10, 12]


def test_a_restart_goes_on_where_the_ledger_is() -> None:
    before, after = Exposition(), Exposition()
    for exposition in (before, after):
        exposition.publish(FULL)

    assert series(before) == series(after)


def test_a_deployment_that_comes_back_goes_on_counting_where_it_was() -> None:
    exposition = Exposition()
    there = Snapshot(deployments=(a_deployment("chat", cost_usd=10),))
    for snapshot in (there, Snapshot(), there):
        exposition.publish(snapshot)

    labels = {"account": "acme", "deployment": "chat", "gpu": "H100"}
    assert value(exposition, "cost_usd_total", **labels) == 10


def a_crowd(count: int, *, cost: float = 1.0) -> Snapshot:
    return Snapshot(
        deployments=tuple(
            a_deployment(f"d{number:04}", burn_usd_per_hour=number, cost_usd=cost)
            for number in range(count)
        )
    )


def test_series_are_bounded_and_the_rest_is_added_up() -> None:
    exposition = published(a_crowd(1_200))

    names = {dict(labels)["deployment"] for name, labels in series(exposition) if "burn" in name}
    assert len(names) == 501
    assert "d1199" in names, "who burns most has series of its own"
    assert value(exposition, "burn_usd_per_hour", account="acme", deployment=OTHER) == sum(
        range(700)
    )
    assert value(exposition, "cost_usd_total", account="acme", deployment=OTHER, gpu="H100") == 700


def test_causes_actions_and_routes_are_bounded_and_the_rest_is_added_up() -> None:
    routes = {(f"slack:team-{number:02}", "sent"): 1 for number in range(50)}
    exposition = published(
        Snapshot(accounts=(AccountFigures(account="acme", notifications=routes),))
    )

    told = [name for name, _ in series(exposition) if name == "firewarden_notifications_total"]
    assert len(told) == 21
    assert value(
        exposition, "notifications_total", account="acme", route=OTHER, result=OTHER
    ) == 30  # fmt: skip


def test_who_has_series_keeps_them_when_others_burn_more() -> None:
    calm = a_deployment("calm", burn_usd_per_hour=1, replicas={"ready": 1})
    exposition = published(Snapshot(deployments=(calm,)), most=1)

    exposition.publish(
        Snapshot(
            deployments=(
                a_deployment("wild", burn_usd_per_hour=99, replicas={"ready": 8}),
                calm,
            )
        )
    )

    assert value(exposition, "burn_usd_per_hour", account="acme", deployment="calm") == 1
    assert value(exposition, "burn_usd_per_hour", account="acme", deployment=OTHER) == 99


def test_who_is_gone_makes_room_and_is_not_counted_twice() -> None:
    gone = a_deployment("gone", burn_usd_per_hour=99, cost_usd=50, replicas={"ready": 1})
    exposition = published(Snapshot(deployments=(gone,)), most=1)

    for cost in (7, 8):
        exposition.publish(
            Snapshot(
                deployments=(
                    a_deployment("gone", cost_usd=50 if cost == 7 else 51),
                    a_deployment("new", cost_usd=cost, replicas={"ready": 1}),
                )
            )
        )

    labels = {"account": "acme", "gpu": "H100"}
    assert value(exposition, "cost_usd_total", deployment="new", **labels) == 8
    assert value(exposition, "cost_usd_total", deployment=OTHER, **labels) == 1


figures = st.lists(
    st.dictionaries(
        st.sampled_from([f"d{number}" for number in range(8)]),
        st.floats(0, 1e6),
        max_size=8,
    ),
    max_size=6,
)


@given(history=figures)
def test_no_counter_ever_falls_whatever_comes_and_goes(history: list[dict[str, float]]) -> None:
    exposition = Exposition(most=3)
    before: dict[Series, float] = {}
    ever: dict[str, float] = {}
    for costs in history:
        ever = {**ever, **{name: max(cost, ever.get(name, 0)) for name, cost in costs.items()}}
        exposition.publish(
            Snapshot(deployments=tuple(a_deployment(name, cost_usd=ever[name]) for name in costs))
        )
        now = {key: total for key, total in series(exposition).items() if "cost" in key[0]}
        for key in before.keys() & now.keys():
            assert now[key] >= before[key]
        before = {**before, **now}


@given(name=st.text(max_size=40))
def test_any_name_is_escaped_so_that_the_page_parses(name: str) -> None:
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        return
    exposition = published(Snapshot(deployments=(a_deployment(name, cost_usd=1),)))

    labels = {"account": "acme", "deployment": name, "gpu": "H100"}
    assert value(exposition, "cost_usd_total", **labels) == 1
