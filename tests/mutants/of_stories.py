"""S8 and S9: no act without a grace that people have heard of; what was set is put back, once."""

from tests.mutants.kinds import Edit, mutant

_STAGES = "decide/stages.py"
_OF_MODES = "tests/decide/test_modes.py"
_OF_OUTBOX = "tests/store/test_outbox.py"
_STANDING = "decide/standing.py"
_OF_STANDING = "tests/decide/test_standing.py"
_OF_CONFIRMING = "tests/decide/test_confirming.py"

_IN_ANY_ORDER = Edit(
    file="decide/bounds.py",
    old="for intent in reversed(standing):",
    new="for intent in standing:",
)

STORIES = (
    mutant(
        "S8", "grace counts from the writing", _STAGES,
        "warned(incident, policy, at=max(at, incident.entered_at))",
        "warned(incident, policy, at=incident.entered_at)",
        _OF_MODES, "test_grace_starts_at_the_receipt_and_not_before",
    ),
    mutant(
        "S8", "a receipt of another warning begins the grace before this one", _STAGES,
        "warned(incident, policy, at=max(at, incident.entered_at))",
        "warned(incident, policy, at=at)",
        _OF_MODES, "test_a_receipt_of_before_the_warning_counts_from_the_warning",
    ),
    mutant(
        "S8", "a warning needs no receipt", _STAGES,
        "        if delivery.delivered_at is not None:\n"
        "            return self._heard(incident, policy, delivery.delivered_at)\n",
        "        return self._heard(incident, policy, delivery.delivered_at or book.now)\n",
        _OF_MODES, "test_grace_starts_at_the_receipt_and_not_before",
    ),
    mutant(
        "S8", "the grace is not waited for", _STAGES,
        "if looked_at < end_of_wait(incident, policy):", "if False:",
        "tests/decide/test_incidents.py", "test_idle_is_warned_waited_for_and_would_be_stopped",
    ),
    mutant(
        "S8", "time in which nothing was known is grace", "decide/stories.py",
        "        acts_at += now - incident.held_since\n", "        pass\n",
        _OF_MODES, "test_time_in_which_nothing_was_known_is_no_grace",
    ),
    mutant(
        "S8", "a line in the log is a receipt", "store/deliveries.py",
        'row for row in rows if Destination.parse(row["destination"]).way.gives_receipts',
        "row for row in rows",
        _OF_OUTBOX,
        "test_only_places_that_give_receipts_count_where_there_are_any",
    ),
    mutant(
        "S8", "the end of a story is the receipt of its warning", "store/deliveries.py",
        "if not notice.resolved and not notice.once:", "if True:",
        _OF_OUTBOX, "test_an_event_is_no_warning",
    ),
    mutant(
        "S8", "a delete is announced elsewhere while its channel is down", "notify/post.py",
        "if error.for_good or not letters.warns_of_delete(letter.notice):", "if True:",
        "tests/notify/test_post.py",
        "test_a_delete_is_announced_elsewhere_only_where_its_own_destination_refuses_it",
    ),
)  # fmt: skip

STANDING = (
    mutant(
        "S7", "a person's change is put back over", _STANDING,
        "        overruled = bounds.overruled(self._intents, deployment)\n",
        "        overruled: tuple[Intent, ...] = ()\n",
        _OF_STANDING, "test_what_a_person_has_changed_is_theirs",
    ),
    mutant(
        "S7", "what a person set since is not left as it is", "decide/bounds.py",
        "            found = _laid_over(found, intent.effect, intent.effect)\n    least = min(",
        "            found = _laid_over(found, intent.effect, intent.before)\n    least = min(",
        _OF_STANDING, "test_what_woke_gets_back_what_the_stop_had_set_and_nothing_else",
    ),
    mutant(
        "S9", "what was put back is put back again", _STANDING,
        "        if order is None or self._deployment is None:\n            return None\n",
        "        return None\n",
        _OF_STANDING, "test_what_we_put_back_ourselves_is_no_persons_change",
    ),
    mutant(
        "S9", "what goes back is what another change of ours had set", "decide/orders.py",
        "before=bounds.before(standing, deployment),", "before=Bounds.of(deployment),",
        "tests/decide/test_orders.py",
        "test_before_is_what_it_was_before_all_that_stands_and_what_others_set_since",
        off=(_IN_ANY_ORDER,),
    ),
    mutant(
        "S9", "what stops is put back while it is being stopped", _STANDING,
        "if not stops or any(map(self._is_under_way, stops)):", "if not stops:",
        _OF_STANDING, "test_nothing_is_put_back",
    ),
    mutant(
        "S1", "bounds go back by half a listing", _STANDING,
        "if not situation.fleet.complete or situation.paused:", "if situation.paused:",
        _OF_STANDING, "test_nothing_is_put_back",
    ),
    mutant(
        "S7", "bounds go back while all is paused", _STANDING,
        "if not situation.fleet.complete or situation.paused:",
        "if not situation.fleet.complete:",
        _OF_STANDING, "test_nothing_is_put_back",
    ),
    mutant(
        "S7", "bounds go back though nothing may be sent", _STANDING,
        "if not over and may_put_back(situation):", "if not over:",
        _OF_STANDING, "test_nothing_is_put_back",
    ),
    mutant(
        "S2", "a listing from before the call tells what came of it", "decide/confirming.py",
        "if deployment is None or not fleet.complete or fleet.asked_at <= written:",
        "if deployment is None or not fleet.complete:",
        _OF_CONFIRMING,
        "test_only_whole_listings_asked_for_after_the_call_tell",
    ),
    mutant(
        "S2", "an acknowledgement is proof", "decide/confirming.py",
        "return not held and call.effect.is_in_force(deployment)", "return True",
        _OF_CONFIRMING, "test_each_verb_has_its_own_proof",
    ),
)  # fmt: skip
