"""S6 and S7: guards, protections, the brake, limits, and what people have said."""

from tests.mutants.kinds import mutant

_GUARDS = "decide/guards.py"
_OF_GUARDS = "tests/decide/test_guards.py"
_PROTECTIONS = "decide/protections.py"
_OF_PROTECTIONS = "tests/decide/test_protections.py"
_BRAKE = "decide/brake.py"
_OF_BRAKE = "tests/decide/test_brake.py"
_LIMITS = "decide/limits.py"
_OF_LIMITS = "tests/decide/test_limits.py"
_OF_INCIDENTS = "tests/decide/test_incidents.py"
_OF_MODES = "tests/decide/test_modes.py"

GUARDS = (
    mutant(
        "S7", "a pause is ignored", _GUARDS,
        "if seen.situation.paused:", "if False:",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S7", "the operator's protect is ignored", _GUARDS,
        "if why := self.protections.find(seen.deployment, now=seen.now):", "if why := '':",
        _OF_GUARDS, "test_what_the_operator_protects_is_protected",
    ),
    mutant(
        "S7", "a person's protect is ignored", _GUARDS,
        'if why := seen.situation.kept.get(seen.uid, ""):', "if why := '':",
        _OF_GUARDS, "test_what_a_person_protects_by_command_is_protected",
    ),
    mutant(
        "S7", "a snooze is ignored", _GUARDS,
        'why = seen.situation.snoozed.get(seen.uid, "")', "why = ''",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S7", "a tag that protects is ignored", _GUARDS,
        "if tagged is not None and tagged[0] is Blocker.PROTECTED:", "if False:",
        _OF_GUARDS, "test_of_any_two_blockers_the_earlier_in_the_closed_order_is_reported",
    ),
    mutant(
        "S7", "a policy that is contested goes on", _GUARDS,
        "if deeds.reversals(pair) >= REVERSALS:", "if False:",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S7", "what waits for an owner is stopped again", _GUARDS,
        "if owed is not None and (used is None or used <= owed):", "if False:",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S1", "requests in flight are ignored", _GUARDS,
        "if seen.quiet.use is Use.ACTIVE:", "if False:",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S1", "nothing cools down after a wake", _GUARDS,
        "if why := _woken(seen):", "if why := '':",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S6", "what flaps is stopped a fourth time", _GUARDS,
        "if rounds >= ROUNDS_A_DAY and", "if False and",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S1", "missing data does not block", _GUARDS,
        "    if unknown:\n", "    if False:\n",
        _OF_GUARDS, "test_what_is_unknown_blocks_whatever_would_be_done",
    ),
    mutant(
        "S1", "what stops by other conditions needs no evidence of use", _GUARDS,
        "elif policy.rests_on_use and seen.deployment.ready_replica_count:", "elif False:",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S1", "a listing that is not whole is believed", _GUARDS,
        "if not fleet.complete:", "if False:",
        _OF_GUARDS, "test_a_listing_that_cannot_be_believed_blocks",
    ),
    mutant(
        "S1", "an old listing is believed", _GUARDS,
        "elif age > _STALE * situation.poll_every:", "elif False:",
        _OF_GUARDS, "test_a_listing_that_cannot_be_believed_blocks",
    ),
    mutant(
        "S1", "what is missing from a listing does not matter", _GUARDS,
        "elif situation.absent:", "elif False:",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S18", "calls that fail one after the other stop nothing", _GUARDS,
        "if why := seen.situation.deeds.breaker(now=seen.now):", "if why := '':",
        _OF_GUARDS, "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S18", "a breaker that has opened stays closed", "decide/deeds.py",
        "if last - first <= FAILED_WITHIN and", "if False and",
        "tests/decide/test_deeds.py",
        "test_three_failures_in_ten_minutes_open_the_breaker_for_thirty",
    ),
    mutant(
        "S6", "the evidence brake is off", _GUARDS,
        "if policy.rests_on_a_look and (why := self.brake()):", "if why := '':",
        _OF_GUARDS, "test_a_fleet_that_turned_quiet_in_one_look_blocks_until_a_person_has_looked",
    ),
)  # fmt: skip

BRAKE = (
    mutant(
        "S6", "most of a fleet that turns quiet at once is believed", _BRAKE,
        "if at is not None and turned + vanished >", "if at is not None and 0 * turned >",
        _OF_BRAKE, "test_when_the_look_is_doubted",
    ),
    mutant(
        "S6", "an account that falls silent is believed", _BRAKE,
        "    if together < FEW:\n", "    if True:\n",
        _OF_BRAKE, "test_when_the_look_is_doubted",
    ),
    mutant(
        "S1", "half of a fleet may vanish", _BRAKE,
        "if vanished > 1 and 2 * vanished >= fleet_size:", "if False:",
        _OF_BRAKE, "test_when_the_look_is_doubted",
    ),
)  # fmt: skip

PROTECTIONS = (
    mutant(
        "S7", "a tag that nobody understands does not protect", _PROTECTIONS,
        '                return Blocker.PROTECTED, f"its tag {key}={given} is not understood',
        '                continue\n'
        '                return Blocker.PROTECTED, f"its tag {key}={given} is not understood',
        _OF_PROTECTIONS, "test_reserved_tag",
    ),
    mutant(
        "S7", "a protect tag that nobody understands does not protect", _PROTECTIONS,
        'return f"its tag firewarden.protect={text} is not understood, so it protects"',
        'return ""',
        _OF_PROTECTIONS, "test_reserved_tag",
    ),
    mutant(
        "S7", "protect for an hour, nobody knows since when, is over", _PROTECTIONS,
        'return f"its tag firewarden.protect={text} does not say since when, so it protects"',
        'return ""',
        _OF_PROTECTIONS, "test_reserved_tag",
    ),
    mutant(
        "S7", "a protection whose match is unknown does not protect", _PROTECTIONS,
        "if each[0] is not Truth.FALSE)", "if each[0] is Truth.TRUE)",
        _OF_PROTECTIONS, "test_protect_entry",
    ),
    mutant(
        "S7", "what its own description says does not protect", _PROTECTIONS,
        "if trait in deployment.traits and blocker not in allow:", "if False:",
        _OF_PROTECTIONS, "test_each_built_in_protection_protects",
    ),
    mutant(
        "S7", "what a router lists is not protected", _PROTECTIONS,
        "    (Blocker.ROUTER_MEMBER, _routed),\n", "",
        _OF_PROTECTIONS, "test_each_built_in_protection_protects",
    ),
    mutant(
        "S7", "the default of a model is not protected", _PROTECTIONS,
        "    (Blocker.DEFAULT_MODEL, _default),\n", "",
        _OF_PROTECTIONS, "test_each_built_in_protection_protects",
    ),
    mutant(
        "S1", "a cold start is given no time", _PROTECTIONS,
        "    (Blocker.COLD_START, _cold),\n", "",
        _OF_PROTECTIONS, "test_each_built_in_protection_protects",
    ),
    mutant(
        "S7", "without an environment it counts as none that matters", _PROTECTIONS,
        "    (Blocker.UNKNOWN_ENV, _unknown_env),\n", "",
        _OF_GUARDS, "test_what_no_request_brings_back_is_protected_by_more",
    ),
    mutant(
        "S8", "what is not at zero is deleted", _PROTECTIONS,
        "    (Blocker.NOT_AT_ZERO, _still_held),\n", "",
        _OF_GUARDS, "test_what_no_request_brings_back_is_protected_by_more",
    ),
    mutant(
        "S7", "a policy goes further than the ceiling", "decide/clerk.py",
        "mode=min(policy.mode, seen.situation.ceiling),", "mode=policy.mode,",
        "tests/decide/test_judge.py", "test_the_ceiling_lowers_a_policys_mode_and_never_raises_it",
    ),
    mutant(
        "S7", "an edit acts at once", "decide/stages.py",
        "elif incident.policy_hash != verdict.policy_hash or incident.mode is not verdict.mode:",
        "elif False:",
        _OF_INCIDENTS, "test_what_a_bolder_mode_may_do_it_begins_anew",
    ),
    mutant(
        "S7", "what people do to it does not end the story", "decide/stages.py",
        "elif verdict.blocked_by is not None and verdict.blocked_by not in PASSING:",
        "elif False:",
        _OF_INCIDENTS, "test_what_people_do_ends_the_story",
    ),
    mutant(
        "S7", "silence is a yes", "decide/stages.py",
        "if incident.mode is not Mode.APPROVE or (incident.uid, policy.name) in",
        "if True or (incident.uid, policy.name) in",
        _OF_MODES, "test_each_mode_goes_as_far_as_it_says",
    ),
)  # fmt: skip

LIMITS = (
    mutant(
        "S6", "the limit of a cycle is off", _LIMITS,
        "if cycle > limits.per_cycle:", "if False:",
        _OF_LIMITS, "test_of_nine_that_are_due_as_many_go_as_each_limit_lets",
    ),
    mutant(
        "S6", "the limit of an hour is off", _LIMITS,
        "if hour > limits.per_hour:", "if False:",
        _OF_LIMITS, "test_of_nine_that_are_due_as_many_go_as_each_limit_lets",
    ),
    mutant(
        "S6", "the limit of a day is off", _LIMITS,
        "if limits.per_day is not None and day > limits.per_day:", "if False:",
        _OF_LIMITS, "test_of_nine_that_are_due_as_many_go_as_each_limit_lets",
    ),
    mutant(
        "S6", "the share of a fleet is off", _LIMITS,
        "if hour > share:", "if False:",
        _OF_LIMITS, "test_of_nine_that_are_due_as_many_go_as_each_limit_lets",
    ),
    mutant(
        "S6", "an hour has fifty minutes", _LIMITS,
        "self._hour[policy] += at > now - HOUR", "self._hour[policy] += at > now - HOUR * 5 / 6",
        _OF_LIMITS, "test_of_nine_that_are_due_as_many_go_as_each_limit_lets",
    ),
    mutant(
        "S6", "each policy has the limits of all for itself", _LIMITS,
        "if whole := self._broken(", "if whole := '' and self._broken(",
        _OF_LIMITS, "test_all_together_do_no_more_than_the_most_generous_alone_not_even_in_a_day",
    ),
    mutant(
        "S6", "what holds all of its own goes in part", _LIMITS,
        "if self._policies[policy].limits.on_exceed is OnExceed.TRICKLE:", "if True:",
        _OF_LIMITS, "test_of_nine_that_are_due_as_many_go_as_each_limit_lets",
    ),
    mutant(
        "S6", "a call whose answer is not known yet counts for nothing", "model/action.py",
        "return self is not Outcome.REFUSED",
        "return self is Outcome.APPLIED",
        _OF_LIMITS, "test_what_counts_is_what_may_have_been_sent_by_a_policy",
    ),
    mutant(
        "S6", "what came to nothing is tried again at once", "decide/stories.py",
        "return now - failed.closed_at < rest", "return False",
        _OF_MODES, "test_silence_means_no_and_it_is_not_asked_again_at_once",
    ),
)  # fmt: skip
