"""S1: unknown is not idle, absent is not gone, and one look is none."""

from tests.mutants.kinds import Edit, mutant

_EVIDENCE = "metering/evidence.py"
_OF_EVIDENCE = "tests/metering/test_evidence.py"
_OF_CONDITIONS = "tests/decide/test_conditions.py"
_OF_KLEENE = "tests/decide/test_kleene.py"
_OF_PROTECTIONS = "tests/decide/test_protections.py"
_OF_FOLD = "tests/metering/test_fold.py"
_WATCH = "observe/watch.py"
_OF_WATCH = "tests/observe/test_watch.py"
_DOUBTS = "observe/doubts.py"
_OF_DOUBTS = "tests/observe/test_doubts.py"
_OF_LISTING = "tests/providers/fireworks/test_listing.py"
_OF_STREAK = "tests/observe/test_streak.py"

METRICS = (
    mutant(
        "S1", "series that are absent are quiet", _EVIDENCE,
        "return Use.QUIET if absent_is_quiet else Use.UNKNOWN", "return Use.QUIET",
        _OF_EVIDENCE, "test_absent_series_are_quiet_only_where_the_operator_says_so",
    ),
    mutant(
        "S1", "one series that is absent is quiet", _EVIDENCE,
        "return Use.UNKNOWN if None in required and not absent_is_quiet else Use.QUIET",
        "return Use.QUIET",
        _OF_EVIDENCE, "test_use_of_one_sample",
    ),
    mutant(
        "S1", "what is no number is zero", _EVIDENCE,
        "if not all(isfinite(value) and value == 0 for value in present):", "if False:",
        _OF_EVIDENCE, "test_use_of_one_sample",
    ),
    mutant(
        "S1", "requests that end in errors are no use", _EVIDENCE,
        "present = [value for value in (*required, sample.error_rate) if value is not None]",
        "present = [value for value in required if value is not None]",
        _OF_EVIDENCE, "test_use_of_one_sample",
    ),
    mutant(
        "S1", "a scrape that broke off is believed", _EVIDENCE,
        "        if not scrape.whole:\n", "        if False:\n",
        _OF_EVIDENCE, "test_a_failed_scrape_is_only_a_record",
    ),
    mutant(
        "S1", "frozen metrics are believed", _EVIDENCE,
        "if self._repeats < FROZEN_AFTER:", "if True:",
        _OF_EVIDENCE, "test_frozen_values_are_unknown_from_the_fifth_scrape_until_they_move",
    ),
    mutant(
        "S1", "a scrape of long ago says what is so now", _EVIDENCE,
        "if age > NEIGHBOURS_WITHIN:", "if False:",
        _OF_EVIDENCE, "test_an_old_scrape_proves_no_use_now",
    ),
    mutant(
        "S1", "a quiet stretch goes on over a hole between scrapes", _EVIDENCE,
        "return max(since, self._restarts[index - 1]) if index else since", "return since",
        _OF_EVIDENCE, "test_quiet_since",
    ),
    mutant(
        "S1", "a quiet stretch goes on over what was unknown", "metering/trail.py",
        "and run.since - self.quiet_until <= NEIGHBOURS_WITHIN", "",
        _OF_EVIDENCE, "test_quiet_since",
    ),
    mutant(
        "S1", "a quiet stretch goes on over use", "metering/trail.py",
        "        if run.use is Use.ACTIVE:\n"
        "            self.quiet_since = self.quiet_until = None\n"
        "        elif", "        if",
        _OF_EVIDENCE, "test_quiet_since",
    ),
    mutant(
        "S1", "a clock set back leaves the evidence as it was", _EVIDENCE,
        "closed = self._void(at) if went_back else []", "closed: list[ActivityRun] = []",
        "tests/metering/test_incidents.py",
        "test_incident_A23_a_jump_of_the_clock_voids_the_quiet_time_and_is_a_gap",
    ),
    mutant(
        "S1", "a text of metrics that is cut off is whole", "providers/fireworks/account.py",
        "reading = scan.failed(error.problem)", "reading = scan.finish()",
        "tests/providers/fireworks/test_activity.py",
        "test_a_scrape_that_does_not_come_to_its_end_is_not_whole",
    ),
)  # fmt: skip

UNKNOWN = (
    mutant(
        "S1", "unknown counts as idle", "decide/conditions.py",
        "        if stretch is None or at is None:\n            return Truth.UNKNOWN, None,",
        "        if stretch is None or at is None:\n            return Truth.TRUE, None,",
        _OF_CONDITIONS, "test_idle_time_is_evidence",
    ),
    mutant(
        "S1", "a window that nobody watched is idle", "decide/conditions.py",
        "if not coverage >= least:", "if False:",
        _OF_CONDITIONS, "test_idle_time_needs_its_window_covered_and_quiet_time_does_not",
    ),
    mutant(
        "S1", "since when is not known, so long enough", "decide/conditions.py",
        'return Truth.UNKNOWN, None, "since when is not known", None',
        'return Truth.TRUE, None, "since when is not known", None',
        _OF_CONDITIONS, "test_condition",
    ),
    mutant(
        "S1", "evidence may be as old as it likes", "decide/seen.py",
        "if self.now - at > fresh_within:", "if False:",
        _OF_CONDITIONS, "test_idle_time_is_evidence",
    ),
    mutant(
        "S1", "evidence may lie in the future", "decide/seen.py",
        "if at - self.now > self.situation.metrics_every:", "if False:",
        _OF_CONDITIONS, "test_idle_time_is_evidence",
    ),
    mutant(
        "S1", "unknown is true where all else is", "decide/kleene.py",
        "            return Truth.FALSE\n        unknown = unknown or value is Truth.UNKNOWN\n"
        "    return Truth.UNKNOWN if unknown else Truth.TRUE",
        "            return Truth.FALSE\n    return Truth.TRUE",
        _OF_KLEENE, "test_unknown_counts_only_where_nothing_else_decides",
    ),
    mutant(
        "S1", "not unknown is true", "decide/kleene.py",
        "Truth.UNKNOWN: Truth.UNKNOWN}", "Truth.UNKNOWN: Truth.TRUE}",
        _OF_KLEENE, "test_unknown_stays_unknown_through_not",
    ),
    mutant(
        "S1", "a verdict with an unknown part is true", "decide/judge.py",
        "Truth.UNKNOWN if unknown else Truth.TRUE, unknown=unknown",
        "Truth.TRUE, unknown=unknown",
        "tests/decide/test_judge.py", "test_the_quick_way_and_the_explained_way_agree",
    ),
    mutant(
        "S1", "an incident walks on though its verdict is unknown", "decide/stages.py",
        "elif verdict.blocked_by is not None or verdict.truth is Truth.UNKNOWN:",
        "elif verdict.blocked_by is not None:",
        "tests/decide/test_incidents.py", "test_unknown_holds_neither_advancing_nor_cancelling",
        off=(
            Edit(file="decide/guards.py", old="    if unknown:\n", new="    if False:\n"),
            Edit(
                file="decide/guards.py",
                old="elif policy.rests_on_use and seen.deployment.ready_replica_count:",
                new="elif False:",
            ),
        ),
    ),
    mutant(
        "S1", "what leaned on it a day ago leans on it now", "decide/situation.py",
        "if self.now - self.surroundings_at > SURROUNDINGS_FRESH:", "if False:",
        _OF_PROTECTIONS, "test_unknown_surroundings_protect",
    ),
    mutant(
        "S1", "what was read before it was made tells of it", "decide/situation.py",
        "if deployment.created_at > self.surroundings_at:", "if False:",
        _OF_PROTECTIONS, "test_surroundings_read_before_a_deployment_was_made_say_nothing_of_it",
    ),
    mutant(
        "S1", "what may lean on it is not known, and it is stopped", "decide/protections.py",
        "if allow >= _OF_SURROUNDINGS or", "if True or",
        _OF_PROTECTIONS, "test_unknown_surroundings_protect",
    ),
    mutant(
        "S1", "half a list of routers is all of them", "providers/fireworks/surroundings.py",
        'routers.whole(f"GET {base}/routers"),',
        "[one for page in routers.pages for one in page.items],",
        "tests/providers/fireworks/test_surroundings.py",
        "test_surroundings_that_cannot_be_read_are_unknown_and_never_empty",
    ),
)  # fmt: skip

LISTINGS = (
    mutant(
        "S1", "one complete listing is enough", "decide/situation.py",
        "COMPLETE_CYCLES = 2", "COMPLETE_CYCLES = 1",
        "tests/decide/test_guards.py", "test_each_blocker_alone_blocks_with_a_reason",
    ),
    mutant(
        "S1", "an incomplete listing counts among the complete", "observe/streak.py",
        "if not poll.complete:", "if False:",
        _OF_STREAK, "test_complete_polls_in_a_row",
    ),
    mutant(
        "S1", "listings count on over a hole", "observe/streak.py",
        "return timedelta(0) <= now - last <= HOLE * self.every", "return True",
        _OF_STREAK, "test_complete_polls_in_a_row",
    ),
    mutant(
        "S1", "fewer deployments than were announced are all", "providers/fireworks/paging.py",
        "if announced - {count}:", "if False:",
        _OF_LISTING, "test_what_makes_no_sense_is_an_incomplete_fleet",
    ),
    mutant(
        "S1", "what cannot be read in a listing is left out in silence",
        "providers/fireworks/paging.py",
        "        if page.problems:\n", "        if False:\n",
        _OF_LISTING, "test_what_makes_no_sense_is_an_incomplete_fleet",
    ),
    mutant(
        "S1", "a refusal with status 200 is an empty account", "providers/fireworks/paging.py",
        "if collection not in members and (strange := members.keys() - _PAGING):",
        "if (strange := members.keys() - _PAGING) and False:",
        _OF_LISTING, "test_what_makes_no_sense_is_an_incomplete_fleet",
    ),
    mutant(
        "S1", "one name twice in a listing is believed", "providers/fireworks/fleet.py",
        "problem = listing.problem or self._repeated", "problem = listing.problem",
        _OF_LISTING, "test_what_makes_no_sense_is_an_incomplete_fleet",
    ),
    mutant(
        "S1", "what the listing left out and is there all the same voids nothing", _WATCH,
        "if there and fleet.complete:", "if False:",
        _OF_WATCH, "test_what_the_listing_left_out_is_asked_for_and_voids_it",
    ),
    mutant(
        "S1", "a listing older than the last is believed", _DOUBTS,
        "        if now.updated_at < known.updated_at:\n", "        if False:\n",
        _OF_WATCH, "test_a_listing_older_than_the_one_before_is_not_believed",
    ),
    mutant(
        "S1", "a single read that contradicts the listing voids nothing", _WATCH,
        "if problem := contradiction(seen.fleet.deployments[uid], examined):",
        'if problem := "":',
        _OF_WATCH, "test_what_is_due_and_cannot_be_read_voids_the_listing",
    ),
    mutant(
        "S1", "a single read that says something else is agreement", _DOUBTS,
        "        if in_list != on_its_own:\n", "        if False:\n",
        _OF_DOUBTS, "test_they_disagree",
    ),
    mutant(
        "S1", "no answer is agreement", _DOUBTS,
        '        return f"{listed.deployment_id} could not be read on its own"\n',
        '        return ""\n',
        _OF_DOUBTS, "test_it_is_not_there_or_another",
    ),
    mutant(
        "S1", "a namesake agrees", _DOUBTS,
        "    if found.uid != listed.uid:\n", "    if False:\n",
        _OF_DOUBTS, "test_it_is_not_there_or_another",
    ),
    mutant(
        "S1", "one 404 is gone", "metering/book.py",
        "if reading.asked_at - first.asked_at >= self._every:", "if True:",
        _OF_FOLD, "test_deletion_narrows_the_last_bracket",
    ),
    mutant(
        "S1", "a 404 of an account that cannot be read is gone", "providers/fireworks/account.py",
        "            await self._client.get(self._ask(self._base))\n", "",
        "tests/providers/fireworks/test_reads.py",
        "test_nothing_is_gone_from_an_account_that_cannot_be_read",
    ),
    mutant(
        "S1", "a deployment made again is the old one", "model/ids.py",
        "@{created_at.astimezone(UTC).isoformat(timespec='microseconds')}", "@then",
        _OF_LISTING, "test_what_makes_no_sense_is_an_incomplete_fleet",
    ),
    mutant(
        "S1", "a listing that failed is the last one again", "app/memory.py",
        "fleet = replace(self.watch.fleet, complete=False, problem=problem)",
        "fleet = replace(self.watch.fleet, problem=problem)",
        "tests/app/test_keeper.py",
        "test_a_listing_that_is_refused_is_one_alert_and_the_fleet_before_it_proves_nothing",
    ),
    mutant(
        "S11", "a listing that is replayed counts twice", "metering/fold.py",
        "if key in self._folded:", "if False:",
        _OF_FOLD, "test_a_restart_goes_on_where_it_stopped",
    ),
    mutant(
        "S11", "a scrape that is replayed counts twice", _EVIDENCE,
        "        if self._has(at):\n", "        if False:\n",
        _OF_EVIDENCE, "test_the_same_scrape_twice_changes_nothing",
    ),
)  # fmt: skip
