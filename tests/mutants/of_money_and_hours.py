"""S1 to S9: what a budget or a schedule stops, when, and what it never touches."""

from tests.mutants.kinds import mutant

_LADDER = "decide/ladder.py"
_SCOPED = "decide/scoped.py"
_REACH = "decide/reach.py"
_OF_LADDER = "tests/decide/test_ladder.py"

CAPS = (
    mutant(
        "S7", "a limit that was passed when it was written stops at once", _LADDER,
        "return before is None or before < self.target", "return True",
        _OF_LADDER, "test_a_limit_that_was_passed_when_it_was_written_stops_nothing_in_that_window",
    ),
    mutant(
        "S4", "a window that is over still stops", "decide/caps.py",
        "return self.until is None or now < self.until", "return True",
        _OF_LADDER, "test_nobody_is_called_for_once_the_window_is_over",
    ),
    mutant(
        "S6", "a cap is told the burn of now", _SCOPED,
        "return self.most * hours_in(", "return self.now * hours_in(",
        _OF_LADDER, "test_what_could_grow_makes_it_act_earlier",
    ),
    mutant(
        "S1", "what nobody looked at is taken as not spent", _LADDER,
        "return self.standing.high + sum(", "return self.standing.high + 0 * sum(",
        _OF_LADDER, "test_what_nobody_has_looked_at_lately_may_have_been_spent_already",
    ),
    mutant(
        "S7", "what teams share is stopped for one of them", _SCOPED,
        "if self.share != 1:", "if False:",
        _OF_LADDER, "test_what_is_out_of_its_reach_is_left_alone_and_said",
    ),
    mutant(
        "S7", "a cap stops what is protected", _SCOPED,
        'return "" if found is None or passes else found[0].value', 'return ""',
        _OF_LADDER, "test_what_is_out_of_its_reach_is_left_alone_and_said",
    ),
    mutant(
        "S6", "more is stopped than the limit calls for", _LADDER,
        "if self._fits(taken) or not", "if not",
        _OF_LADDER, "test_whom_a_budget_calls_for",
    ),
    mutant(
        "S1", "a bill that contradicts the ledger stops everything", _LADDER,
        "if self.standing.disputed is None:", "if True:",
        _OF_LADDER, "test_while_the_bill_disputes_a_day_no_more_than_half_is_stopped",
    ),
    mutant(
        "S6", "what drains makes others stop", _SCOPED,
        "min(within, DRAIN) if self.is_leaving else within", "within",
        _OF_LADDER, "test_what_drains_already_calls_for_nobody_else",
    ),
    mutant(
        "S7", "a limit that asks first is called hard", _REACH,
        "if ladder.asks and not rung.acts_unanswered:", "if False:",
        _OF_LADDER, "test_a_limit_is_hard_only_where_it_can_be_kept",
    ),
)  # fmt: skip

HOURS = (
    mutant(
        "S1", "a schedule stops what is in use", "decide/guards.py",
        "stretch is not None and stretch < QUIET_FOR", "False",
        "tests/decide/test_hours.py", "test_it_waits_for_quiet",
    ),
    mutant(
        "S7", "a freeze holds nothing", "decide/guards.py",
        "and schedule.holds(seen.now):", "and False:",
        "tests/decide/test_hours.py", "test_it_rests_in_hours_that_forbid_its_verb",
    ),
    mutant(
        "S9", "what is to be put back soon is stopped once more", "decide/conditions.py",
        "return truth_of(any_holds(schedules, now + policy.lead))", "return Truth.TRUE",
        "tests/decide/test_hours.py", "test_its_hours_and_what_leads_into_them",
    ),
)  # fmt: skip
