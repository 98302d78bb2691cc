"""What goes with each verb, and what does not."""

from datetime import timedelta

import pytest

from firewarden.model.vocabulary import Verb
from firewarden.policy.capabilities import Capabilities
from firewarden.policy.checking import check
from firewarden.policy.rules import EFFECTS, STOPS
from tests.policy.texts import HEAD, a_delete, a_policy

BOUNDS = [
    ("{}", "p.yaml:6:32: nothing is set", "no bounds"),
    ("{min: }", "empty: nothing is written behind it", "an empty bound"),
    ("{mim: 1}", "did you mean min?", "a typo in bounds"),
    ("{min: -1}", "must be at least 0", "a negative bound"),
    ("{min: now}", "a whole number is expected", "only a maximum is now"),
    ("{max: nwo}", "`nwo` is no maximum (a number, now, or for example {lower_to: 2})", "a typo"),
    ("{max: 0}", "with max 0 no request wakes it (that is the stage `park`)", "parking by max"),
    ("{max: {lower_to: 0}}", "that is the stage `park`", "parking by a lowered max"),
    ("{min: {raise_to: 3}}", "what is not a number is relative", "raising"),
    ("{min: {}}", "for example {lower_to: 2}", "relative to nothing"),
    ("{min: {lower_to: x}}", "a whole number is expected", "relative to a word"),
    ("{min: 3, max: {lower_to: 2}}", "min is above max", "bounds upside down"),
    ("{min: 1, scale_to_zero_window: 1h}", "counts only where min is 0", "a window never used"),
    ("{scale_to_zero_window: 4m}", "cannot be so short (at least 5m)", "too short a window"),
    ("{min: 1, when: {}}", "`when` is not supported in this version", "conditions of a stage"),
]

DELETES: list[tuple[dict[str, str], str, str]] = [
    ({"stages": "[{wait: 8h}, delete]"}, "delete without a warning before it", "no warning"),
    ({"stages": "[warn, delete]"}, "less than 1h between the warning and delete", "no wait"),
    ({"stages": "[warn, {wait: 59m}, delete]"}, "less than 1h", "too short a wait"),
    ({"stages": "[{wait: 8h}, warn, delete]"}, "less than 1h", "a wait before the warning"),
    ({"notify": "[log, terminal]"}, "p.yaml:6:32: no route of the warning", "no receipt"),
    ({"notify": ""}, "name a slack, dm, slack_webhook or webhook route", "no route"),
    ({"stages": "[{warn: {to: log}}, {wait: 8h}, delete]"}, "no route of the", "told the log"),
    (
        {"stages": "[{warn: {to: log}}, {wait: 8h}, warn, {wait: 9m}, delete]"},
        "no route of the warning before delete gives a receipt",
        "told too late",
    ),
    ({"routes": "{chat: {dm: owner, else: log}}"}, "gives a receipt", "perhaps without an owner"),
    ({"mode": "enforce", "notify": "[log]"}, "gives a receipt", "enforced without a receipt"),
    ({"when": "{at_zero_for: 7d}"}, "Fireworks deletes these after 7 days", "as late as it"),
    ({"restore": "never"}, "nothing is put back after delete", "nothing to put back"),
    ({"provider_delete": "ask"}, "only what sets min to 0", "sets no bounds"),
]

WORDS_OF_EFFECTS: list[tuple[dict[str, str], str, str]] = [
    (
        {"restore": "at_end"},
        "`at_end` is the end of the hours of `during` (write `during` too)",
        "an end of no hours",
    ),
    ({"restore": "on_wak"}, "did you mean on_wake?", "a typo in restore"),
    ({"stages": "[warn]", "restore": "never"}, "nothing is put back after a warning", "a warning"),
    (
        {"stages": "[{wait: 1h}, park]", "restore": "on_wake"},
        "what park has set does not end with a wake (never; people put it back with",
        "parked until a wake",
    ),
    ({"stages": "[hold_growth]", "restore": "on_wake"}, "what hold_growth has set", "held until"),
    ({"provider_delete": "letgo"}, "did you mean let_go?", "a typo in provider_delete"),
    (
        {"stages": "[hold_growth]", "provider_delete": "ask"},
        "only what sets min to 0 starts the provider's own delete clock",
        "a maximum starts no clock",
    ),
    (
        {"stages": "[{set_autoscaling: {min: 1}}]", "provider_delete": "ask"},
        "only what sets min to 0",
        "nor does a minimum of 1",
    ),
    (
        {"stages": "[warn]", "mode": "approve", "approval": "{by: cli}"},
        "p.yaml:8:5: there is nothing to approve",
        "a warning needs no yes",
    ),
    (
        {"mode": "enforce", "approval": "{by: cli}"},
        "in mode enforce nobody is asked (mode: approve, or take approval out)",
        "an approval that nobody asks for",
    ),
    (
        {"mode": "approve", "approval": '{by: [a@example.com, "@owners"]}'},
        "p.yaml:8:16: nobody of these can approve",
        "people who cannot be asked yet",
    ),
    ({"approval": "{by: [ann]}"}, "`ann` is nobody who could approve", "a bare name"),
    ({"approval": '{by: ["@"]}'}, 'a "@group" in lower case, or cli', "no group"),
    ({"approval": "{by: []}"}, "the list is empty", "nobody"),
    ({"approval": "{expires: 0h}"}, "a duration of 0 has no meaning", "a question for no time"),
    ({"approval": "{form: cli}"}, "unknown key `form`", "a typo in approval"),
]

BLOCKS = [
    ("alerts: {page: onkall}\nnotify: {oncall: {slack: x}}\n", "did you mean oncall?", "no route"),
    ("alerts: {quiet_hours: {}}\n", "`quiet_hours` is not supported", "quiet hours come later"),
    ("alerts: {defualt: log}\n", "did you mean default?", "a typo in alerts"),
    ("alerts: {default: [log]}\n", "text is expected, not a list", "one route a key"),
    ("snooze: {max: 31d}\n", "p.yaml:2:10: max is longer than max_total, 30d", "longer than all"),
    ("snooze: {max: 1d, choices: [4h, 2d]}\n", "p.yaml:2:33: `2d` is longer than max", "a choice"),
    ("snooze: {choices: [someday]}\n", "or the word tonight", "no duration"),
    ("snooze: {choices: []}\n", "the list is empty", "no choice"),
    ("snooze: {max_totl: 1d}\n", "did you mean max_total?", "a typo in snooze"),
    ("snooze:\n", "empty: nothing is written behind it", "an empty block"),
    (
        "defaults: {restore: at_end}\n",
        "a policy's own hours (write it into the policy)",
        "default at the end",
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[
            pytest.param(a_policy(stages=f"[{{set_autoscaling: {bounds}}}]"), expected, id=name)
            for bounds, expected, name in BOUNDS
        ],
        *[
            pytest.param(a_delete(**lines), expected, id=f"delete: {name}")
            for lines, expected, name in DELETES
        ],
        *[
            pytest.param(a_policy(**lines), expected, id=name)
            for lines, expected, name in WORDS_OF_EFFECTS
        ],
        *[
            pytest.param(HEAD + text, expected, id=f"a block: {name}")
            for text, expected, name in BLOCKS
        ],
    ],
)
def test_what_does_not_go_with_an_effect_is_told(text: str, expected: str) -> None:
    problems = [str(each) for each in check({"p.yaml": text}) if each.severity == "error"]

    assert any(expected in problem for problem in problems), problems


POOR = Capabilities(
    wakeable_zero=False,
    hard_stop=False,
    bounds=False,
    undelete=False,
    auto_delete_after=None,
    zero_window=None,
    least_zero_window=None,
    scrape_every=timedelta(seconds=30),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(a_policy(), "cannot wake what is at zero", id="waking"),
        pytest.param(
            a_policy(stages="[{set_autoscaling: {min: 0}}]"), "cannot wake", id="a minimum of 0"
        ),
        pytest.param(
            a_policy(stages="[{wait: 1h}, park]"),
            "p.yaml:6:26: this provider cannot keep from waking what is parked (take park out)",
            id="parking",
        ),
        pytest.param(a_delete(), "cannot bring back what was deleted", id="a delete for good"),
        pytest.param(a_policy(stages="[hold_growth]"), "no bounds to set", id="bounds"),
        pytest.param(
            a_policy(stages="[{set_autoscaling: {scale_to_zero_window: 1h}}]"),
            "no window of its own",
            id="an idle timer",
        ),
        pytest.param(
            a_policy(when="{idle_for: 1h, provider_deletes_within: 2d}"),
            "this provider deletes nothing",
            id="its own delete, as a condition",
        ),
        pytest.param(
            a_policy(provider_delete="ask"), "this provider deletes nothing", id="and as a question"
        ),
    ],
)
def test_a_capability_that_the_provider_lacks_is_an_error(text: str, expected: str) -> None:
    problems = check({"p.yaml": text}, capabilities=POOR)

    assert any(expected in str(each) and each.severity == "error" for each in problems), problems


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param("{chat: {slack: gpu-costs}}", id="a channel"),
        pytest.param('{chat: {slack_webhook: "env:HOOK"}}', id="an incoming webhook"),
        pytest.param('{chat: {webhook: "env:HOOK"}}', id="a webhook"),
        pytest.param("{chat: {dm: owner, else: b}, b: {slack: c}}", id="the owner, else a channel"),
    ],
)
@pytest.mark.parametrize(
    "stages",
    [
        pytest.param("[warn, {wait: 60m}, delete]", id="an hour"),
        pytest.param("[{warn: {to: [log, chat]}}, {wait: 1h}, delete]", id="named by the warning"),
        pytest.param("[warn, {wait: 30m}, warn, {wait: 30m}, delete]", id="an hour in two halves"),
        pytest.param("[{wait: 1d}, warn, {wait: 1h}, {warn: {to: log}}, delete]", id="told before"),
    ],
)
def test_a_delete_that_people_hear_of_in_time_is_sound(stages: str, routes: str) -> None:
    text = a_delete(stages=stages, routes=routes, mode="enforce", allow="[unknown_env]")

    assert check({"p.yaml": text}) == ()


@pytest.mark.parametrize("verb", sorted(EFFECTS))
def test_a_wait_stands_before_what_stops_and_before_nothing_else(verb: Verb) -> None:
    detail = "{set_autoscaling: {max: now}}" if verb is Verb.SET_AUTOSCALING else verb.value
    text = a_delete(stages=f"[warn, {detail}]")

    refused = any(problem.severity == "error" for problem in check({"p.yaml": text}))
    assert refused is (verb in STOPS)
