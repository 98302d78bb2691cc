"""What must hold of what was metered in a life: the truth is inside it, the sums agree (S11)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from firewarden.app.metered import open_meter
from firewarden.model.ids import Uid
from firewarden.providers.simulated import truth
from firewarden.providers.simulated.instants import to_ms
from tests.simulation.ring.book import Book
from tests.support.looks import Looks
from tests.support.oracles import (
    Truth,
    by_uid,
    demand_consistent_sums,
    demand_no_row_twice,
    outside,
    truth_of,
    watched_span,
)

LIES = {"stale-list", "stale-get", "list-get-disagree", "unknown-fields", "wrong-types"}
"""Faults by which the provider tells of replicas, or hardware, that are not there."""


def wrong_sums(book: Book) -> Iterator[str]:
    """S11: the truth lies inside the metered bounds, unless the provider lied about replicas."""
    with book.life.ledger() as ledger:
        since, until = watched_span(ledger)
        account = book.life.stage.world.account()
        told = truth.deployments(account, to_ms(since), to_ms(until))
        metered = by_uid(open_meter(ledger).used(since, until))
        lies = {each["kind"] for each in book.life.faults if each["fired"]} & LIES
        real = truth_of({"deployments": told})
        if not lies:
            as_seen = outside(metered, _as_seen(book, real, to_ms(since), to_ms(until)))
            wrong = outside(metered, real)
            yield from (f"S11: {text}" for uid, text in wrong.items() if uid in as_seen)
        try:
            demand_consistent_sums(ledger)
            demand_no_row_twice(ledger)
        except AssertionError as error:
            yield f"S11: {error}"


def _as_seen(book: Book, real: Mapping[Uid, Truth], since: int, until: int) -> dict[Uid, Truth]:
    """Tell the truth as far as listings could show it.

    What came and went between two of them is unseen; so is what came while the listings left
    out a deployment that nobody had met yet (docs/metering.md, "What the bounds do not cover").
    """
    looks = Looks(at=[to_ms(each.at) for each in book.listings if book.is_look(each)])
    found = {}
    for uid, each in real.items():
        gpus, begun = book.incarnations[uid].gpus, max(since, book.unseen_until(uid))
        seen = looks.visible_ms(each, before=gpus.at(begun), since=begun, until=until)
        found[uid] = replace(each, gpu_ms=seen)
    return found
