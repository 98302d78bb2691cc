import asyncio

import pytest

from firewarden.store.runner import DbThread


@pytest.mark.parametrize("turns", range(8))
async def test_a_caller_cancelled_just_as_the_work_ends_is_cancelled_all_the_same(
    turns: int,
) -> None:
    """A cancellation that is lost here leaves a daemon that never stops."""
    run_db = DbThread()
    caller = asyncio.create_task(run_db(lambda: None))
    await asyncio.sleep(0)  # noqa: TID251 - only a turn of the event loop, no time passes
    run_db.close()  # the work is done; the loop hears of it in its next turns
    for _ in range(turns):
        await asyncio.sleep(0)  # noqa: TID251 - likewise
    if not caller.cancel():
        return

    with pytest.raises(asyncio.CancelledError):
        await caller
