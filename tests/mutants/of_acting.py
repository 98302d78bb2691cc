"""S2 and S4: orders, the hand that carries them out, and who lets it."""

from tests.mutants.kinds import Edit, mutant

_ORDERS = "decide/orders.py"
_OF_ORDERS = "tests/decide/test_orders.py"
_HAND = "act/hand.py"
_OF_HAND = "tests/act/test_hand.py"
_CALLS = "act/calls.py"
_OF_CALLS = "tests/act/test_calls.py"
_ACTOR = "app/actor.py"
_OF_ACTOR = "tests/app/test_actor.py"

_KEEPS_NOTHING = Edit(
    file=_HAND,
    old="            if order.verb in STOPS:\n",
    new="            if False:\n",
)

ORDERS = (
    mutant(
        "S4", "facts that moved do not matter", _ORDERS,
        "        if now != before:\n", "        if False:\n",
        _OF_ORDERS, "test_each_fact_of_the_target_that_moved_refuses",
    ),
    mutant(
        "S4", "a namesake is as good", _ORDERS,
        "    if found.uid != order.uid:\n", "    if False:\n",
        _OF_ORDERS, "test_what_the_reading_itself_says_refuses",
    ),
    mutant(
        "S4", "the verdict is not made again", _ORDERS,
        "return _judged(order, now, found, judge) or", "return",
        _OF_ORDERS, "test_each_fact_of_the_target_that_moved_refuses",
    ),
    mutant(
        "S7", "what stands in the way by now does not", _ORDERS,
        "        if verdict.blocked_by is not None:\n", "        if False:\n",
        _OF_ORDERS, "test_each_fact_of_the_target_that_moved_refuses",
    ),
    mutant(
        "S7", "a policy that was edited meanwhile acts as before", _ORDERS,
        'return "its policy has changed" if edited else ""', 'return ""',
        _OF_ORDERS, "test_what_became_known_of_the_whole_refuses",
    ),
    mutant(
        "S1", "what leans on it could not be read, and it is stopped", _ORDERS,
        "    if examined.surroundings is None:\n"
        '        return "what leans on it could not be read"\n'
        "    now = _with(situation, found, examined.surroundings)\n",
        "    now = _with(situation, found, examined.surroundings or Surroundings())\n",
        _OF_ORDERS, "test_what_the_reading_itself_says_refuses",
    ),
    mutant(
        "S4", "an effect that would be another by now is sent", _ORDERS,
        " or _different(order, found, judge)", "",
        _OF_ORDERS, "test_growth_is_not_held_below_what_is_ready_by_the_time_of_the_call",
    ),
    mutant(
        "S7", "what a person asked for is sent though all is paused", _ORDERS,
        'return "a person has paused all actions" if situation.paused else ""', 'return ""',
        _OF_ORDERS, "test_nothing_is_put_back_while_paused",
    ),
)  # fmt: skip

HAND = (
    mutant(
        "S4", "the target is not read before the call", _HAND,
        "examined = await self.provider.fetch_deployment(order.deployment.deployment_id)",
        "examined = Examined(asked_at=self.clock.now(), answered_at=self.clock.now(),"
        " deployment=order.deployment)",
        _OF_HAND, "test_what_speaks_against_it_refuses_and_sends_nothing",
    ),
    mutant(
        "S4", "nothing is asked after the fresh read", _HAND,
        "        why = objection(examined)\n", '        why = ""\n',
        _OF_HAND, "test_what_speaks_against_it_refuses_and_sends_nothing",
    ),
    mutant(
        "S4", "a look of long ago will do", _HAND,
        "if self.clock.now() - examined.asked_at > self.read_for:", "if False:",
        _OF_HAND, "test_what_speaks_against_it_refuses_and_sends_nothing",
    ),
    mutant(
        "S2", "the intent is written after the call", _HAND,
        "        number = await self.run_db(lambda: self._claim(intent, may_claim))\n"
        "        if number is None:\n"
        "            return None\n"
        "        intent = replace(intent, action_id=number)\n"
        "        self.crash(CrashPoint.INTENT_COMMITTED)\n"
        '        log.info("action.planned", **_told(intent))\n'
        "        sent, found = await self._do(order, intent, objection)\n",
        "        sent, found = await self._do(order, intent, objection)\n"
        "        number = await self.run_db(lambda: self._claim(intent, may_claim))\n"
        "        if number is None:\n"
        "            return None\n"
        "        intent = replace(intent, action_id=number)\n",
        _OF_HAND, "test_killed_anywhere_there_is_one_outcome_and_no_call_is_sent_twice",
        off=(_KEEPS_NOTHING,),
    ),
    mutant(
        "S7", "what may not be claimed is carried out", _HAND,
        "            if why := may_claim(session):\n", "            if why := '':\n",
        _OF_HAND, "test_what_may_not_be_claimed_leaves_no_trace_and_asks_nobody",
    ),
    mutant(
        "S10", "the claim asks for no lease", _HAND,
        "            self.right.fence(session)\n", "",
        _OF_HAND, "test_without_the_lease_nothing_is_even_claimed",
    ),
    mutant(
        "S10", "an open intent is settled without the lease", _HAND,
        "        self.right.still_held()\n        if self.clock.now() - intent.planned_at",
        "        if self.clock.now() - intent.planned_at",
        _OF_HAND, "test_nobody_settles_without_the_lease",
    ),
    mutant(
        "S8", "nothing of the whole is kept", _HAND,
        "            if order.verb in STOPS:\n", "            if False:\n",
        _OF_HAND, "test_the_outcome_is_committed_with_what_follows_from_it",
    ),
    mutant(
        "S2", "an open intent is settled while its call is under way", _HAND,
        "if self.clock.now() - intent.planned_at < self.in_flight:", "if False:",
        _OF_HAND, "test_an_open_intent_is_left_alone_while_its_call_may_be_in_flight",
    ),
    mutant(
        "S2", "a namesake made since settles it", _HAND,
        "if found is not None and found.uid != intent.uid:", "if False:",
        _OF_HAND, "test_a_namesake_made_since_proves_nothing",
    ),
    mutant(
        "S9", "what was put back stands on", _HAND,
        "if order is not None and intent.outcome is Outcome.APPLIED:", "if False:",
        _OF_HAND, "test_what_is_put_back_releases_what_had_been_set_and_once",
    ),
    mutant(
        "S2", "the outcome is committed before what follows from it", _HAND,
        "            record(session, deed)\n",
        "        with self.database.writing() as session:\n            record(session, deed)\n",
        _OF_HAND, "test_where_the_outcome_cannot_be_written_it_is_found_by_reading",
    ),
    mutant(
        "S2", "a lost answer is a success", _CALLS,
        "        except AnswerLost as error:\n"
        "            return await self._after_silence(effect, deployment, error)\n",
        "        except AnswerLost:\n            pass\n",
        _OF_CALLS, "test_a_stop_that_goes_wrong_ends_there_with_an_outcome",
    ),
    mutant(
        "S2", "a call is sent again where its answer was lost", _CALLS,
        "        except AnswerLost as error:\n            lost = error\n",
        "        except AnswerLost:\n"
        "            await self.controls.set_bounds(deployment, effect, permit=permit)\n",
        _OF_CALLS, "test_a_stop_that_goes_wrong_ends_there_with_an_outcome",
    ),
    mutant(
        "S2", "what nobody can tell yet is over", _CALLS,
        "return Sent(outcome=Outcome.PLANNED, detail=error.problem)",
        "return Sent(outcome=Outcome.EXPIRED, detail=error.problem)",
        _OF_CALLS, "test_where_nobody_can_read_what_became_of_a_call_it_stays_open_until_one_can",
    ),
    mutant(
        "S5", "what strayed is not told", _CALLS,
        "        return written.strayed\n", "        return ()\n",
        _OF_CALLS, "test_a_write_that_changed_more_ends_there_and_is_told",
    ),
    mutant(
        "S5", "after a write that strayed the next call is sent", _CALLS,
        "            if strayed:\n                return _strayed(strayed)\n"
        "            await self._rest(effect, deployment, permit)\n",
        "            await self._rest(effect, deployment, permit)\n"
        "            if strayed:\n                return _strayed(strayed)\n",
        _OF_CALLS, "test_a_write_that_changed_more_ends_there_and_is_told",
    ),
    mutant(
        "S9", "bounds that were set before a refusal are forgotten", _CALLS,
        "        if not effect.sets_bounds or said.outcome is Outcome.FAILED:\n",
        "        if True:\n",
        _OF_CALLS, "test_a_stop_that_goes_wrong_ends_there_with_an_outcome",
    ),
    mutant(
        "S18", "a key that may not is no failure", _CALLS,
        "        case _:\n            return Sent(outcome=Outcome.FAILED, detail=error.problem)\n",
        "        case _:\n            return Sent(outcome=Outcome.REFUSED, detail=error.problem)\n",
        _OF_CALLS, "test_a_stop_that_goes_wrong_ends_there_with_an_outcome",
    ),
    mutant(
        "S8", "in use is a failure, and no use", _CALLS,
        "            return Sent(outcome=Outcome.REFUSED, detail=error.problem, in_use=True)\n",
        "            return Sent(outcome=Outcome.REFUSED, detail=error.problem)\n",
        _OF_CALLS,
        "test_a_delete_or_its_undoing_that_goes_wrong_has_an_outcome_too",
        "test_a_stop_that_goes_wrong_ends_there_with_an_outcome",
    ),
)  # fmt: skip

ACTOR = (
    mutant(
        "S3", "intents that a dead process left open stay open", _ACTOR,
        "            settled = await to_its_end(hand.settle(intent, self._record(memory)))\n"
        "            self._take_in(memory, settled)\n",
        "            pass\n",
        _OF_ACTOR, "test_what_was_left_open_is_found_out_by_reading_before_anything_is_done",
    ),
    mutant(
        "S2", "two orders of one deployment are carried out while one is open", _ACTOR,
        "            if order.uid not in begun:\n", "            if True:\n",
        _OF_ACTOR, "test_one_deployment_has_one_order_at_a_time",
    ),
    mutant(
        "S4", "a scrape older than ten seconds will do", _ACTOR,
        "if at is None or now - at > self.fresh_for:", "if at is None:",
        _OF_ACTOR, "test_what_runs_is_stopped_on_a_scrape_of_just_now_or_waits_for_the_next",
    ),
    mutant(
        "S4", "a scrape that says nothing of it will do", _ACTOR,
        "        return told_at is not None and told_at >= at\n", "        return True\n",
        _OF_ACTOR, "test_what_runs_is_stopped_on_a_scrape_of_just_now_or_waits_for_the_next",
    ),
    mutant(
        "S4", "what the last read says is not held against the order", _ACTOR,
        "return objection(order, examined, self._now(memory), self.judge)", 'return ""',
        _OF_ACTOR, "test_what_the_last_read_says_is_held_against_it",
    ),
    mutant(
        "S7", "a pause between verdict and claim is ignored", _ACTOR,
        "if any(each.kind is OverrideKind.PAUSE for each in words):", "if False:",
        _OF_ACTOR, "test_a_word_that_no_cycle_has_read_yet_is_heard_at_the_claim",
    ),
    mutant(
        "S7", "a snooze between verdict and claim is ignored", _ACTOR,
        "if order.verb in EFFECTS and any(_forbids(each, order) for each in words):",
        "if False:",
        _OF_ACTOR, "test_a_word_that_no_cycle_has_read_yet_is_heard_at_the_claim",
    ),
    mutant(
        "S6", "the limits are not asked in the transaction of the claim", _ACTOR,
        'return passed.wait[0][1] if passed.wait else ""', 'return ""',
        _OF_ACTOR, "test_of_two_that_are_due_the_second_waits_for_the_limits",
    ),
    mutant(
        "S6", "the limits are asked of what this process remembers", _ACTOR,
        "situation = replace(self._now(memory), deeds=read_deeds(session, account, now=now))",
        "situation = self._now(memory)",
        _OF_ACTOR, "test_what_another_process_did_within_the_hour_counts_at_the_claim",
    ),
    mutant(
        "S18", "the breaker is not asked in the transaction of the claim", _ACTOR,
        "        if why := situation.deeds.breaker(now=now):\n", "        if why := '':\n",
        _OF_ACTOR, "test_calls_of_another_process_that_failed_hold_it_back_at_the_claim",
    ),
    mutant(
        "S5", "a write that strayed does not stop the rest", _ACTOR,
        "        if deed.strayed:\n            overrides.put(", "        if False:\n"
        "            overrides.put(",
        _OF_ACTOR, "test_a_write_that_changed_more_than_it_should_pauses_everything",
    ),
)  # fmt: skip
