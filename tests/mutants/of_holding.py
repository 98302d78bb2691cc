"""S2 and S10: what is done is done once, and by one."""

from tests.mutants.kinds import Edit, mutant

_LEASE = "app/lease.py"
_OF_LEASE = "tests/app/test_lease.py"
_LEASES = "store/leases.py"
_OF_LEASES = "tests/store/test_leases.py"
_INDEXES = "store/migrations/versions/0002_acting.py"
_INTENTS = "store/intents.py"
_OF_INTENTS = "tests/store/test_intents.py"

LEASES = (
    mutant(
        "S10", "the time of a lease runs from after the renewal", _LEASE,
        "self._deadline = begun_at + (self.ttl - MARGIN).total_seconds()",
        "self._deadline = self._wall.mono() + (self.ttl - MARGIN).total_seconds()",
        _OF_LEASE, "test_its_time_runs_from_before_the_renewal_was_begun",
    ),
    mutant(
        "S10", "a lease is held to its last instant", _LEASE,
        "self._deadline = begun_at + (self.ttl - MARGIN).total_seconds()",
        "self._deadline = begun_at + self.ttl.total_seconds()",
        _OF_LEASE, "test_unrenewed_it_is_let_go_before_others_are_let_in",
    ),
    mutant(
        "S10", "a lease that nobody renewed is held on", _LEASE,
        "return self._wall.mono() < self._deadline", "return self._deadline > 0",
        _OF_LEASE, "test_unrenewed_it_is_let_go_before_others_are_let_in",
    ),
    mutant(
        "S10", "a lease that is another's is held on", _LEASE,
        "        if held is None:\n            self._deadline = NEVER\n",
        "        if held is None:\n",
        _OF_LEASE, "test_whoever_is_told_that_another_has_it_lets_go_whatever_its_own_clock_says",
    ),
    mutant(
        "S10", "what began in one holding goes on in the next", _LEASE,
        "        if self.keeper.epoch != self.epoch:\n", "        if False:\n",
        _OF_LEASE, "test_what_began_in_one_holding_does_not_go_on_in_the_next",
        off=(
            Edit(file=_LEASES, old="    if standing.epoch != epoch:\n", new="    if False:\n"),
        ),
    ),
    mutant(
        "S10", "a fence asks our own clock alone", _LEASE,
        "        self.keeper.demand(session, epoch=self.epoch)\n", "",
        _OF_LEASE, "test_the_database_refuses_what_our_own_clock_still_allows",
    ),
    mutant(
        "S10", "the living are taken for dead", _LEASE,
        "return self._alone or (standing == self.other and seen_for >= self.ttl.total_seconds())",
        "return True",
        _OF_LEASE, "test_one_has_it_and_the_other_says_who",
    ),
    mutant(
        "S10", "the database does not ask for the number of a lease", _LEASES,
        "    if standing.epoch != epoch:\n", "    if False:\n",
        _OF_LEASES, "test_what_is_written_under_it_is_refused_to_all_but_the_present_holding",
    ),
    mutant(
        "S10", "the database does not ask whose lease it is", _LEASES,
        "    if standing.holder != holder:\n", "    if False:\n",
        _OF_LEASES, "test_what_is_written_under_it_is_refused_to_all_but_the_present_holding",
    ),
    mutant(
        "S10", "what is another's is taken", _LEASES,
        "    if standing is not None and standing.holder != holder:\n        return None\n", "",
        _OF_LEASES, "test_one_takes_it_and_others_read_who_it_is",
    ),
    mutant(
        "S10", "what is another's is renewed", _LEASES,
        "if standing is None or (standing.holder, standing.epoch) != (holder, epoch):",
        "if standing is None:",
        _OF_LEASES,
        "test_renewed_it_lasts_longer",
        "test_one_takes_it_and_others_read_who_it_is",
        "test_expired_it_cannot_be_renewed_and_is_taken_with_a_higher_number",
    ),
    mutant(
        "S10", "a lease never expires", _LEASES,
        'if row["expires_at"] <= instant:', 'if row["expires_at"] == 0:',
        _OF_LEASES, "test_expired_it_cannot_be_renewed_and_is_taken_with_a_higher_number",
    ),
    mutant(
        "S10", "a new holder has the number of the old one", _LEASES,
        'epoch=row["epoch"] + 1 if standing is None else standing.epoch,',
        'epoch=max(1, row["epoch"]),',
        _OF_LEASES, "test_expired_it_cannot_be_renewed_and_is_taken_with_a_higher_number",
    ),
    mutant(
        "S10", "a lease that was renewed meanwhile is ended", _LEASES,
        "        LEASE.c.expires_at == to_ms(lease.expires_at),\n", "",
        _OF_LEASES, "test_of_a_dead_holder_it_is_ended_only_as_it_was_read",
    ),
    mutant(
        "S10", "two processes act on one file", "app/lock.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/app/test_lock.py", "test_the_second_process_exits_1_and_says_who_was_first",
    ),
    mutant(
        "S10", "a cycle is written without the lease", "app/pen.py",
        "                tenure.fence(session)\n", "",
        "tests/app/test_keeper.py",
        "test_what_was_seen_while_another_took_the_lease_is_not_written",
    ),
)  # fmt: skip

ONCE = (
    mutant(
        "S2", "a stage may be done twice", _INDEXES,
        "        sqlite_where=sa.text("
        "\"incident_id IS NOT NULL AND outcome IN ('planned', 'applied')\"),\n",
        "        sqlite_where=sa.text(\"outcome = 'never'\"),\n",
        _OF_INTENTS, "test_a_stage_is_done_once",
    ),
    mutant(
        "S2", "two intents of one deployment may be open", _INDEXES,
        "        sqlite_where=sa.text(\"outcome = 'planned'\"),\n",
        "        sqlite_where=sa.text(\"outcome = 'never'\"),\n",
        _OF_INTENTS, "test_nothing_is_claimed_twice",
    ),
    mutant(
        "S2", "a request may be carried out twice", _INDEXES,
        '        sqlite_where=sa.text("request_id IS NOT NULL"),\n',
        "        sqlite_where=sa.text(\"outcome = 'never'\"),\n",
        _OF_INTENTS, "test_a_persons_request_is_carried_out_once",
    ),
    mutant(
        "S2", "an outcome may be written over", _INTENTS,
        "update(INTENT).where(INTENT.c.id == action_id, is_open)",
        "update(INTENT).where(INTENT.c.id == action_id)",
        _OF_INTENTS, "test_an_outcome_is_written_once",
    ),
    mutant(
        "S9", "what stands is forgotten after a month", _INTENTS,
        "            INTENT.c.released_at.is_(None)\n", "            (INTENT.c.id < 0)\n",
        _OF_INTENTS, "test_old_ones_are_read_while_they_stand",
    ),
)  # fmt: skip
