"""Changes of the safety code made by hand, one defence each, and the tests that have to notice.

The tests named are those of the layer itself: what stands behind it is not there to catch what it
lets through. Where something does stand in the way, ``off`` takes it out first.
"""

from tests.mutants.of_acting import ACTOR, HAND, ORDERS
from tests.mutants.of_evidence import LISTINGS, METRICS, UNKNOWN
from tests.mutants.of_holding import LEASES, ONCE
from tests.mutants.of_judging import BRAKE, GUARDS, LIMITS, PROTECTIONS
from tests.mutants.of_money_and_hours import CAPS, HOURS
from tests.mutants.of_stories import STANDING, STORIES
from tests.mutants.of_telling import TELLING
from tests.mutants.of_the_wire import CONTROLS, GUARD, RESPECT

MUTANTS = (
    *METRICS,
    *UNKNOWN,
    *LISTINGS,
    *GUARDS,
    *BRAKE,
    *PROTECTIONS,
    *LIMITS,
    *STORIES,
    *STANDING,
    *ORDERS,
    *HAND,
    *ACTOR,
    *ONCE,
    *CAPS,
    *HOURS,
    *LEASES,
    *GUARD,
    *CONTROLS,
    *RESPECT,
    *TELLING,
)
