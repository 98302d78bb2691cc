from tests.support.sometimes import ENOUGH, Sometimes, Told

CRASHED = Told(wanted=["a crash", "a stop"], happened={"a crash": 1})


def lived(told: Told, *, times: int) -> Sometimes:
    sometimes = Sometimes()
    for _ in range(times):
        sometimes.add(told)
    return sometimes


def test_what_never_happened_in_enough_lives_is_missing() -> None:
    assert lived(CRASHED, times=ENOUGH).missing == ["a stop"]


def test_a_few_lives_need_not_show_everything() -> None:
    assert lived(CRASHED, times=ENOUGH - 1).missing == []


def test_what_happened_once_is_enough() -> None:
    sometimes = lived(CRASHED, times=ENOUGH)
    sometimes.add(Told(wanted=["a stop"], happened={"a stop": 1}))
    assert sometimes.missing == []
    assert sometimes.happened == {"a crash": ENOUGH, "a stop": 1}
