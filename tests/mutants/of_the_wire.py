"""S5 and S18: what leaves for the provider, what is read back, and when it is left alone."""

from tests.mutants.kinds import Edit, mutant

_GUARD = "providers/fireworks/guard.py"
_OF_GUARD = "tests/providers/fireworks/test_guard.py"
_CONTROLS = "providers/fireworks/controls.py"
_OF_CONTROLS = "tests/providers/fireworks/test_controls.py"
_OF_READBACK = "tests/providers/fireworks/test_readback.py"
_SENDER = "providers/fireworks/sender.py"
_ANSWERS = "providers/fireworks/answers.py"
_CLIENT = "providers/fireworks/client.py"
_PACING = "providers/fireworks/pacing.py"
_OF_CHANGES = "tests/providers/fireworks/test_change_answers.py"
_OF_ASKING = "tests/providers/fireworks/test_asking.py"
_OF_REFUSALS = "tests/providers/fireworks/test_refusals.py"
_OF_ALARMS = "tests/app/test_alarms.py"

_ANY_CHANGE = Edit(file=_GUARD, old=" or not _is_lawful(change):", new=":")
_ANY_NAME = Edit(
    file=_GUARD,
    old="        if name:\n            raise",
    new="        if False:\n            raise",
)

GUARD = (
    mutant(
        "S2", "a change leaves without a permit", _GUARD,
        "        passage = self._open.get(change)\n",
        "        passage = self._open.get(change)\n"
        "        if passage is None and _is_lawful(change):\n            return\n",
        _OF_GUARD, "test_without_an_open_permit_nothing_is_changed",
    ),
    mutant(
        "S2", "one permit lets two changes out", _GUARD,
        "        passage.spent = True\n", "",
        _OF_GUARD, "test_what_a_permit_is_open_for_leaves_once",
    ),
    mutant(
        "S10", "the lease is not asked for when a change leaves", _GUARD,
        "        passage.permit.still_held()\n        passage.left = True\n        request",
        "        passage.left = True\n        request",
        _OF_GUARD, "test_a_right_that_is_lost_stops_the_change_before_it_leaves",
    ),
    mutant(
        "S10", "the lease is not asked for again when the connection is there", _GUARD,
        "            passage.permit.still_held()\n            passage.left = True\n",
        "            passage.left = True\n",
        _OF_CHANGES, "test_the_right_to_act_is_asked_for_again_when_the_connection_is_there",
    ),
    mutant(
        "S5", "with a permit anything may be changed", _GUARD,
        " or not _is_lawful(change):", ":",
        _OF_GUARD, "test_no_permit_opens_what_is_never_sent",
    ),
    mutant(
        "S5", "hard deletes and skipped checks may be sent", _GUARD,
        "        if name:\n            raise", "        if False:\n            raise",
        _OF_GUARD, "test_what_is_no_read_of_the_control_plane_is_stopped", off=(_ANY_CHANGE,),
    ),
    mutant(
        "S5", "words that are never sent are looked for in the query alone", _GUARD,
        "forbidden_name(_content(change.body)) or _forbidden_parameter",
        "_forbidden_parameter",
        _OF_GUARD, "test_no_permit_opens_what_is_never_sent",
    ),
    mutant(
        "S5", "a body may hold more than its mask", _GUARD,
        'content.keys() == {"baseModel", *named}', 'content.keys() >= {"baseModel", *named}',
        _OF_GUARD, "test_no_permit_opens_what_is_never_sent",
    ),
    mutant(
        "S5", "a PATCH may come without a mask", _GUARD,
        '        case "PATCH" if found := _MASKED',
        '        case "PATCH" if _DELETED.fullmatch(change.target):\n'
        "            return bool(content)\n"
        '        case "PATCH" if found := _MASKED',
        _OF_GUARD, "test_no_permit_opens_what_is_never_sent",
    ),
    mutant(
        "S5", "inference may be asked for", _GUARD,
        ' or not f"{change.path}/".startswith(_READABLE):', ":",
        _OF_GUARD, "test_what_is_no_read_of_the_control_plane_is_stopped",
    ),
    mutant(
        "S5", "any server may be asked", _GUARD,
        "if not is_ours or not target", "if not target",
        _OF_GUARD, "test_what_is_no_read_of_the_control_plane_is_stopped",
    ),
    mutant(
        "S5", "a read may be taken for a delete", _GUARD,
        'if any("method-override" in name.lower() for name in request.headers):', "if False:",
        _OF_GUARD, "test_a_read_with_a_body_or_in_disguise_is_stopped",
    ),
)  # fmt: skip

CONTROLS = (
    mutant(
        "S5", "the mask is dropped", _CONTROLS,
        'target=f"{path}?updateMask={mask}",', "target=path,",
        _OF_CONTROLS, "test_bounds_are_one_patch_that_names_them_and_touches_nothing_else",
        off=(_ANY_CHANGE,),
    ),
    mutant(
        "S5", "the mask names all that it could", _CONTROLS,
        'mask = ",".join(name for name, member in MASKABLE.items() if member in fields)',
        'mask = ",".join(MASKABLE)',
        _OF_CONTROLS, "test_bounds_are_one_patch_that_names_them_and_touches_nothing_else",
        off=(_ANY_CHANGE,),
    ),
    mutant(
        "S5", "of the autoscaling policy only the window is sent", _CONTROLS,
        '{**policy, "scaleToZeroWindow": window}', '{"scaleToZeroWindow": window}',
        _OF_CONTROLS, "test_bounds_are_one_patch_that_names_them_and_touches_nothing_else",
    ),
    mutant(
        "S5", "a delete is hard", _CONTROLS,
        'Change(method="DELETE", target=self._path(deployment))',
        'Change(method="DELETE", target=f"{self._path(deployment)}?hard=true")',
        _OF_CONTROLS, "test_replicas_a_delete_and_its_undoing_are_one_plain_request_each",
        off=(_ANY_CHANGE, _ANY_NAME),
    ),
    mutant(
        "S5", "a delete skips the provider's checks", _CONTROLS,
        'Change(method="DELETE", target=self._path(deployment))',
        'Change(method="DELETE", target=f"{self._path(deployment)}?ignoreChecks=true")',
        _OF_CONTROLS, "test_replicas_a_delete_and_its_undoing_are_one_plain_request_each",
        off=(_ANY_CHANGE, _ANY_NAME),
    ),
    mutant(
        "S4", "a namesake is changed", _CONTROLS,
        "        if found.uid != deployment.uid:\n", "        if False:\n",
        _OF_CONTROLS, "test_a_namesake_is_not_changed_nor_taken_for_what_was",
    ),
    mutant(
        "S5", "what strayed is not seen", "providers/fireworks/readback.py",
        "    return moved | missed\n", "    return missed\n",
        _OF_READBACK, "test_what_strayed_is_what_nobody_asked_for_or_what_was_not_done",
    ),
    mutant(
        "S5", "what was not done is not seen", "providers/fireworks/readback.py",
        "    return moved | missed\n", "    return moved\n",
        _OF_READBACK, "test_what_strayed_is_what_nobody_asked_for_or_what_was_not_done",
    ),
    mutant(
        "S5", "fields that nobody has heard of are not compared", "providers/fireworks/readback.py",
        "if name not in PROVIDER_S_OWN}", 'if name in {"minReplicaCount", "maxReplicaCount"}}',
        _OF_READBACK, "test_a_field_that_nobody_has_heard_of_is_watched",
    ),
    mutant(
        "S2", "a change is sent again where its answer was lost", _SENDER,
        "        answer = await self._ask(change, permit)\n",
        "        try:\n"
        "            answer = await self._ask(change, permit)\n"
        "        except AnswerLost:\n"
        "            answer = await self._ask(change, permit)\n",
        _OF_CONTROLS, "test_a_change_that_goes_wrong_is_sent_once_and_called_by_its_name",
    ),
    mutant(
        "S2", "a change that broke off is one that never left", _SENDER,
        "    httpx.ProxyError,\n", "    httpx.ProxyError,\n    httpx.ReadError,\n",
        _OF_CHANGES, "test_what_breaks_is_lost_only_if_it_may_have_left",
    ),
    mutant(
        "S2", "a server's fault means that nothing was changed", _ANSWERS,
        "case _ if status in _PERHAPS_DONE or _is_fault(status) or _is_success(status):",
        "case _ if status in _PERHAPS_DONE or _is_success(status):",
        _OF_CHANGES, "test_each_answer_is_told_as_what_it_means",
    ),
)  # fmt: skip

RESPECT = (
    mutant(
        "S18", "a change is sent though the provider wants to be left alone", _SENDER,
        "        self._client.check_deadline(Lane.CONTROL, where=change.where)\n", "",
        _OF_CONTROLS, "test_a_provider_that_wants_to_be_left_alone_is_not_sent_a_change",
    ),
    mutant(
        "S18", "Retry-After that answers a change is ignored", _SENDER,
        "            self._client.remember(Lane.CONTROL, error)\n", "            pass\n",
        _OF_CHANGES, "test_an_outage_that_says_how_long_is_left_alone_so_long",
    ),
    mutant(
        "S18", "Retry-After is ignored", _CLIENT,
        "            self._deadlines.remember(lane, until=until, throttled=error.throttled)\n",
        "            assert until\n",
        _OF_ASKING, "test_nothing_is_sent_before_the_deadline_that_the_provider_set",
    ),
    mutant(
        "S18", "Retry-After is not read", _ANSWERS,
        "    if value.isascii() and value.isdecimal():\n"
        "        return min(timedelta(seconds=min(int(value[:9]), 10**6)), LONGEST_WAIT)\n",
        "    if value:\n        return None\n",
        _OF_REFUSALS, "test_retry_after_in_all_its_forms",
    ),
    mutant(
        "S18", "Retry-After is kept for years", _ANSWERS,
        "        return min(timedelta(seconds=min(int(value[:9]), 10**6)), LONGEST_WAIT)\n",
        "        return timedelta(seconds=min(int(value[:9]), 10**6))\n",
        _OF_REFUSALS, "test_retry_after_in_all_its_forms",
    ),
    mutant(
        "S18", "a control plane that throttles throttles itself alone", _PACING,
        "lanes = Lane if throttled and lane is Lane.CONTROL else (lane,)", "lanes = (lane,)",
        _OF_ASKING, "test_nothing_is_sent_before_the_deadline_that_the_provider_set",
    ),
    mutant(
        "S18", "there is no budget for repeats", _PACING,
        "        if self._saved < 1.0:\n            return False\n", "",
        _OF_ASKING, "test_repeats_are_a_tenth_of_the_calls_however_long_the_trouble",
    ),
    mutant(
        "S18", "scrapes keep no pace", _PACING,
        "return max(0.0, in_window - now, evenly - now)", "return 0.0",
        _OF_ASKING,
        "test_never_more_than_two_scrapes_in_any_minute",
        "test_the_pace_holds_however_long_scrapes_take",
    ),
    mutant(
        "S18", "a key that is refused is tried again", _ANSWERS,
        "            return KeyRefused(problem, where=where, mend=mend)\n"
        "        case HTTPStatus.FORBIDDEN:\n",
        "            return ProviderUnavailable(problem, where=where, mend=mend)\n"
        "        case HTTPStatus.FORBIDDEN:\n",
        _OF_ASKING, "test_what_cannot_pass_is_asked_once",
    ),
    mutant(
        "S18", "a suspended account is tried again", _ANSWERS,
        "        case HTTPStatus.PRECONDITION_FAILED if saying and saying.is_suspension:\n"
        "            return AccountSuspended(",
        "        case HTTPStatus.PRECONDITION_FAILED if saying and saying.is_suspension:\n"
        "            return ProviderUnavailable(",
        _OF_REFUSALS, "test_each_refusal_is_told_as_what_it_means",
    ),
    mutant(
        "S18", "a refused change is one that may pass", _ANSWERS,
        "            return KeyRefused(problem, where=where, mend=mend)\n"
        "        case _ if saying and",
        "            return ProviderUnavailable(problem, where=where)\n"
        "        case _ if saying and",
        _OF_CHANGES, "test_each_answer_is_told_as_what_it_means",
    ),
    mutant(
        "S18", "a refused key is told at every poll", "app/alarms.py",
        "        if part in parts:\n            return ()\n", "",
        _OF_ALARMS, "test_a_trouble_that_lasts_is_told_once_and_its_end_once",
    ),
    mutant(
        "S18", "a refused key wakes nobody", "app/alarms.py",
        'frozenset({"provider.refused", "provider.suspended"})', "frozenset()",
        _OF_ALARMS, "test_each_trouble_has_its_kind",
    ),
    mutant(
        "S18", "a start asks before the provider wants to be asked", "app/starting.py",
        "            if self._seams.clock.mono() >= until:\n", "            if until:\n",
        "tests/app/test_starting.py",
        "test_a_start_leaves_the_provider_alone_for_as_long_as_it_asks",
    ),
)  # fmt: skip
