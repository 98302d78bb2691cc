import pytest

from firewarden.policy.checking import check
from firewarden.policy.problems import did_you_mean, masked
from tests.policy.texts import CREDIT, HEAD, a_delete, a_policy, bought, budget, rules


def test_the_default_policy_of_these_tests_is_sound() -> None:
    assert check({"p.yaml": a_policy()}) == ()
    assert check({"p.yaml": a_delete()}) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            a_policy(match=""),
            "p.yaml:3:3: `match` is missing",
            id="match is required",
        ),
        pytest.param(
            a_policy(match="{}"),
            "p.yaml:4:12: an empty match",
            id="an empty match is not everything",
        ),
        pytest.param(
            a_policy(match='{name: "*"}'),
            "p.yaml:4:19: `*` matches everything (if everything is meant, write `all: true`)",
            id="a star is not everything",
        ),
        pytest.param(
            a_policy(match='{any: [{name: ["a", "**"]}]}'), "`*` matches everything", id="nor two"
        ),
        pytest.param(
            a_policy(match='{not: {name: "*"}}'), "`*` matches everything", id="nor inside not"
        ),
        pytest.param(a_policy(match="{all: false}"), "`all` is only ever `true`", id="all: false"),
        pytest.param(
            a_policy(match="{all: true, state: READY}"), "`all` is only ever", id="all and more"
        ),
        pytest.param(a_policy(match="{any: []}"), "the list is empty", id="an empty any"),
        pytest.param(a_policy(match="{nmae: x}"), "did you mean name?", id="a typo in match"),
        pytest.param(a_policy(match="{state: REDY}"), "did you mean READY?", id="no such state"),
        pytest.param(a_policy(match="{placement: moon}"), "is no placement", id="no placement"),
        pytest.param(a_policy(match="{name: 5}"), 'in quotes: "5"', id="a number for a name"),
        pytest.param(a_policy(match="{name: on}", when="{idle_for: 9}"), "a duration", id="units"),
        pytest.param(
            a_policy(match="{min_replicas: -1}"), "must be at least 0", id="negative replicas"
        ),
        pytest.param(a_policy(match="{tags: {}}"), "a map of tags is expected", id="empty tags"),
        pytest.param(a_policy(when=""), "nothing says when", id="when is required"),
        pytest.param(a_policy(when="{}"), "no condition is given", id="an empty when"),
        pytest.param(a_policy(when="{not: {}}"), "no condition is given", id="an empty not"),
        pytest.param(
            a_policy(when="{idle_for: }"),
            "p.yaml:5:21: empty: nothing is written behind it",
            id="a condition without a value is not a condition that holds",
        ),
        pytest.param(
            a_policy(match="{name: }"),
            "p.yaml:4:18: empty",
            id="nor is a match without a value all",
        ),
        pytest.param(a_policy(limits="{per_hour: }"), "empty: nothing", id="nor a limit none"),
        pytest.param(a_policy(when="{idel_for: 1h}"), "did you mean idle_for?", id="a typo"),
        pytest.param(
            a_policy(when="{cost_above: {usd: 5, over: 1d}}"),
            "`cost_above` is not supported in this version",
            id="a condition of later versions",
        ),
        pytest.param(a_policy(when="{idle_for: 0m}"), "a duration of 0 has no meaning", id="0m"),
        pytest.param(
            a_policy(when="{idle_for: 59s}"),
            "idle_for is shorter than two looks at use (at least 1m)",
            id="shorter than two scrapes",
        ),
        pytest.param(
            a_policy(when="{idle_for: 1h, at_zero_for: 2h}"),
            "never true together",
            id="unreachable",
        ),
        pytest.param(a_policy(when="{replicas_at_least: 0}"), "must be at least 1", id="a zero"),
        pytest.param(a_policy(when="{saves_at_least: 0}"), "must lie above 0", id="saves nothing"),
        pytest.param(
            a_policy(when="{at_zero_for: 7d}", stages="[warn]"),
            "Fireworks deletes these after 7 days without traffic (with all waits use at most 6d,",
            id="as late as the provider",
        ),
        pytest.param(
            a_policy(when="{at_zero_for: 6d}", stages="[warn, {wait: 1d}, warn]"),
            "Fireworks deletes these",
            id="as late as the provider with the waits",
        ),
        pytest.param(
            a_policy(stages="[scale_to_zero]"),
            "scale_to_zero without a wait before it",
            id="an effect without a wait",
        ),
        pytest.param(
            a_policy(stages="[warn, scale_to_zero]"), "without a wait", id="a warning is no wait"
        ),
        pytest.param(
            a_policy(stages="[scale_to_zero, {wait: 1h}]"), "without a wait", id="a wait after it"
        ),
        pytest.param(
            a_policy(stages="[{wait: 1h}, scale_to_zero, warn]"), "nothing follows", id="the end"
        ),
        pytest.param(a_policy(stages="[{wait: 1h}]"), "nothing ever happens", id="only waiting"),
        pytest.param(a_policy(stages="[]"), "the list is empty", id="no stages"),
        pytest.param(a_policy(stages="warn"), "a list is expected", id="not a list"),
        pytest.param(a_policy(stages="[delet]"), "did you mean delete?", id="no such stage"),
        pytest.param(
            a_policy(stages="[warn, {wait: 1h}, {tag: x}]"),
            "`tag` is not supported in this version",
            id="a verb of later versions",
        ),
        pytest.param(
            a_policy(stages="[warn, {wait: 1h}, {park: {warn: 4h}}]"),
            "`warn` is not supported in this version",
            id="a stage has no warning of its own yet",
        ),
        pytest.param(
            a_policy(stages="[warn, {wait: 1h}, {delete: {hard: true}}]"),
            "p.yaml:6:42: unknown key `hard`",
            id="a delete is never hard",
        ),
        pytest.param(
            a_policy(stages="[warn, park]"), "park without a wait before it", id="parking at once"
        ),
        pytest.param(
            a_policy(stages="[warn, {wait: 1h}, scale_to_zero, delete]"),
            "nothing follows scale_to_zero",
            id="two effects",
        ),
        pytest.param(
            a_policy(stages="[hold_growth, {wait: 1h}, park]"), "nothing follows hold_", id="or so"
        ),
        pytest.param(
            a_policy(stages="[warn, {wait: {for: 1h, within: nights}}, scale_to_zero]"),
            "no schedule is called `nights`",
            id="within no hours",
        ),
        pytest.param(
            a_policy(stages="[{warn: {}, wait: 1h}, scale_to_zero]"), "one verb a stage", id="two"
        ),
        pytest.param(
            a_policy(stages="[{warn: {to: nobody}}, {wait: 1h}, scale_to_zero]"),
            "no route is called `nobody`",
            id="an unknown route",
        ),
        pytest.param(a_policy(allow="[hotload]"), "did you mean hot_load?", id="a typo in allow"),
        pytest.param(a_policy(allow="[training]"), "trainer_gone_for", id="training is not lifted"),
        pytest.param(
            a_policy(allow="[router_member, unknown_env]"),
            "p.yaml:7:28: unknown_env protects only from delete and park",
            id="unknown_env and a stop that wakes",
        ),
        pytest.param(
            a_policy(stages="[warn]", allow="[not_at_zero]"), "protects only from", id="a warning"
        ),
        pytest.param(a_policy(allow="[protected]"), "is no built-in", id="protect is not lifted"),
        pytest.param(a_policy(mode="off"), "`off` is no mode", id="off is no mode"),
        pytest.param(a_policy(mode="false"), "a mode is expected", id="nor is false"),
        pytest.param(a_policy(limits="{per_hour: 0}"), "must be at least 1", id="no limit"),
        pytest.param(a_policy(limits="{per_day: 0}"), "must be at least 1", id="nor a day of none"),
        pytest.param(a_policy(limits="{share_per_hour: 0%}"), "above 0%", id="no share"),
        pytest.param(a_policy(limits="{share_per_hour: 101%}"), "at most 100%", id="too large"),
        pytest.param(a_policy(limits="{share_per_hour: 20}"), "not a share", id="no percent sign"),
        pytest.param(a_policy(limits="{on_exceed: stop}"), "'trickle' or 'hold'", id="closed list"),
        pytest.param(a_policy(require_data="{fresh_within: 31m}"), "half an hour", id="not fresh"),
        pytest.param(a_policy(require_data="{coverage: 49%}"), "less than half", id="not covered"),
        *(
            pytest.param(a_policy(**{key: text}), expected, id=name)
            for key, text, expected, name in (
                ("during", "[nights]", "no schedule is called `nights`", "no such hours"),
                ("except_during", "nights", "no schedule is called", "no such hours to rest in"),
                ("even_if_active", "true", "belongs to `during`", "active in no hours"),
                ("awake_for", "1h", "belongs to `during`", "awake in no hours"),
                (
                    "stages",
                    "[{warn: {before: 1h}}, scale_to_zero]",
                    "counts from the hours",
                    "before no hours",
                ),
                (
                    "stages",
                    "[warn, {wait: 1h}, scale_to_zero, {restore: at_end}]",
                    "the end of the hours",
                    "the end of no hours",
                ),
                (
                    "stages",
                    "[{wait: 1h}, {wait: {for: 1h, within: x}}, scale_to_zero]",
                    "stands alone",
                    "two waits",
                ),
                (
                    "stages",
                    "[{wait: 1h}, scale_to_zero, {restore: at_ende}]",
                    "did you mean at_end?",
                    "a typo in the end",
                ),
            )
        ),
        pytest.param(
            a_policy(during="x", restore="at_end")
            + "schedules: {x: {days: mon, from: '12:00', to: '12:20'}}\n",
            "p.yaml:7:5: its hours are no longer than the 20m before their end",
            id="hours in which nothing can be stopped",
        ),
        *(
            pytest.param(HEAD + f"schedules: {{x: {{{text}}}}}\n", expected, id=name)
            for text, expected, name in (
                ("days: mon-fri, dates: ['2026-12-24']", "either `days` or `dates`", "both days"),
                ("from: '20:00', to: '07:00'", "either `days` or `dates`", "no days"),
                ("days: mon, from: '20:00'", "needed together", "half of the hours"),
                ("days: mon, from: '20:00', to: '20:00'", "ends when it begins", "no length"),
                ("days: mon-sun", "it always holds", "always"),
                ("days: fri-mon", "write fri-sun and mon-mon apart", "backwards"),
                ("days: mno", "did you mean mon?", "a typo in a day"),
                ("days: mon, from: '8:00', to: '9:00'", "no time of day", "no time of day"),
                ("dates: ['2026-13-01']", "no day", "no day"),
                ("dates: ['2026-12-24..2026-12-20']", "ends before it begins", "dates backwards"),
                ("days: mon, holidays: DE", "not supported in this version", "holidays"),
                ("days: mon, verbs: [stop]", "no verb", "no verb"),
            )
        ),
        pytest.param(a_policy(filter="{}"), "unknown key `filter`", id="a key of another tool"),
        pytest.param(HEAD + "polices: {}\n", "did you mean policies?", id="a typo at the top"),
        pytest.param(HEAD + "timezone: Europe/Berln\n", "did you mean Europe/Berlin?", id="zone"),
        pytest.param(HEAD + "timezone: Mars/Base\n", "an IANA name", id="far from any zone"),
        pytest.param("version: 2\n", "only version 1", id="a newer language"),
        pytest.param("version: true\n", "only version 1", id="true is not 1"),
        pytest.param("policies: {}\n", "`version` is missing", id="no version"),
        pytest.param("", "the file is empty", id="empty"),
        pytest.param("- a\n", "a map is expected", id="a list"),
        pytest.param(
            HEAD + "protect: [{forever: true}]\n", "what is protected", id="protects nothing"
        ),
        pytest.param(
            HEAD + "protect: [{owner: me, forever: true}]\n", "what is protected", id="owner is who"
        ),
        pytest.param(HEAD + "protect: [{name: a}]\n", "say how long", id="protects for how long"),
        pytest.param(
            HEAD + 'protect: [{name: a, forever: true, until: "2026-12-15"}]\n',
            "how long",
            id="both",
        ),
        pytest.param(HEAD + "protect: [{name: a, until: soon}]\n", "neither a date", id="no date"),
        pytest.param(
            HEAD + "protect: [{name: a, forever: true, floor: {min: 2}}]\n",
            "`floor` is not supported",
            id="floor comes later",
        ),
        pytest.param(
            HEAD + "notify: {a: {slack: x, dm: owner, else: a}}\n", "exactly one of", id="two ways"
        ),
        pytest.param(HEAD + "notify: {a: {slack: '#x'}}\n", "without the #", id="a hash sign"),
        pytest.param(HEAD + "notify: {terminal: {slack: x}}\n", "route of its own", id="built in"),
        pytest.param(
            HEAD + "notify: {a: {dm: owner, else: b}}\n", "no route is called `b`", id="else"
        ),
        pytest.param(HEAD + "notify: {a: {dm: owner}}\n", "`dm` needs `else`", id="no else"),
        pytest.param(
            HEAD + "notify: {a: {dm: owner, else: b}, b: {dm: owner, else: a}}\n",
            "p.yaml:2:31: `else` leads in a circle",
            id="owners in a circle",
        ),
        pytest.param(
            HEAD + "notify: {a: {slack: {by: team}}}\n", "are needed together", id="half a map"
        ),
        pytest.param(
            HEAD + "defaults: {notify: [x]}\n", "no route is called `x`", id="default route"
        ),
        *(
            pytest.param(budget(**{key: text}), expected, id=name)
            for key, text, expected, name in (
                ("scope", "{}", "nothing says what it is about", "an empty scope"),
                ("scope", "{all: true, name: x}", "stands alone", "all and more"),
                ("scope", "{each: tema}", "did you mean team?", "no such attribute"),
                ("scope", "{untagged: x, all: true}", "write `each` too", "untagged of nothing"),
                ("scope", "{each: team, team: x}", "in one scope", "each of one"),
                ("scope", "{tags: {a: b}}", "not supported in this version", "a scope of tags"),
                (
                    "limit",
                    "{per: day}",
                    "one of `usd`, `gpu_hours` and `gpus`",
                    "a limit of nothing",
                ),
                (
                    "limit",
                    "{gpus: 8, per: day}",
                    "counted at one time, so it has no `per`",
                    "gpus a day",
                ),
                (
                    "limit",
                    "{gpus: 8, usd: 8}",
                    "one of `usd`, `gpu_hours` and `gpus`",
                    "two limits",
                ),
                ("limit", "{usd: -5, per: day}", "must lie above 0", "a negative limit"),
                ("limit", "{usd: 5}", "exactly one of `per`", "no window"),
                ("limit", "{usd: 5, per: day, rolling: 24h}", "exactly one of", "two windows"),
                ("limit", "{usd: 5, per: fortnight}", "is no unit of time", "no such window"),
                ("limit", "{usd: 5, from: '2026-01-02'}", "needed together", "half a window"),
                (
                    "limit",
                    "{usd: 5, from: '2026-02-01', to: '2026-02-01'}",
                    "ends before it begins",
                    "an impossible window",
                ),
                ("limit", "{usd: 5, rolling: 1h, planned: {a: 5}}", "write `per`", "no name"),
                ("limit", "{usd: {a: 5}, per: day}", "need `each`", "amounts of nobody"),
                ("thresholds", "[]", "the list is empty", "nobody hears"),
                ("thresholds", "[{do: warn}]", "either `at` or `burn`", "no threshold"),
                ("thresholds", "[{at: 80, do: warn}]", "a percent sign", "no share"),
                ("thresholds", "[{at: 80%, do: shout}]", "is no thing to do", "nothing to do"),
                ("thresholds", "[{at: 80%, do: park}]", "nobody hears of it", "an act untold"),
                (
                    "thresholds",
                    "[{at: 5%, do: info}, {at: 8%, do: park}, {at: 9%, do: park}]",
                    "a verb stands twice",
                    "one act twice",
                ),
                (
                    "thresholds",
                    "[{at: 80%, basis: forecast, do: hold_growth}]",
                    "only what is spent stops anything",
                    "an act by forecast",
                ),
                ("thresholds", "[{at: 80%, do: warn, mode: warn}]", "to a verb", "a mode of none"),
                (
                    "thresholds",
                    "[{at: 80%, do: hold_growth, expires: 1h}]",
                    "belong to `mode: approve`",
                    "an answer nobody is asked for",
                ),
                (
                    "thresholds",
                    "[{at: 80%, do: hold_growth, first: newest}]",
                    "nothing is first",
                    "an order of all at once",
                ),
                ("stop_early", "true", "and nothing is", "early without an act"),
                ("restore", "{at: window_start}", "and nothing is", "a return without an act"),
                ("thresholds", "[{burn: 2, do: warn}]", "two windows", "a burn without windows"),
                ("thresholds", "[{at: 80%, over: 1h, do: warn}]", "belong to", "a window of none"),
                (
                    "thresholds",
                    "[{burn: 2, over: 5m, and: 1h, do: warn}]",
                    "the shorter of the two",
                    "windows the wrong way round",
                ),
                ("thresholds", "[{burn: 1, over: 1h, and: 5m, do: warn}]", "no news", "no burn"),
                (
                    "thresholds",
                    "[{at: 80%, sustained: 1h, do: warn}]",
                    "belong to `at` with",
                    "sustained what is used",
                ),
                (
                    "thresholds",
                    "[{at: 80%, basis: forecast, do: warn}]",
                    "per: week or month",
                    "a forecast of a day",
                ),
                (
                    "thresholds",
                    "[{burn: 2, over: 1h, and: 5m, basis: forecast, do: warn}]",
                    "`basis` belongs to `at`",
                    "a burn that is expected",
                ),
                (
                    "thresholds",
                    "[{at: 80%, basis: forecast, sustained: 2d, do: warn}]",
                    "at most 24h",
                    "sustained for days",
                ),
                ("notify", "[nobody]", "no route is called `nobody`", "a route of a budget"),
            )
        ),
        pytest.param(bought("some"), "a list is expected", id="commitments are a list or none"),
        pytest.param(bought("[{kind: lease}]"), "is no kind of commitment", id="no such kind"),
        pytest.param(
            bought("[{kind: capacity, gpus: 8}]"), "needs `accelerator` and `to`", id="half of one"
        ),
        pytest.param(
            bought("[{kind: credit, usd: 5, expires: '2026-12-31', gpus: 8}]"),
            "credit has no `gpus`",
            id="a key of another kind",
        ),
        pytest.param(
            bought("[{kind: spend, usd: 5, from: '2026-12-31', to: '2026-12-31'}]"),
            "ends before it begins",
            id="no day at all",
        ),
        pytest.param(bought("[{kind: credit, usd: 5, expires: soon}]"), "not a day", id="no date"),
        pytest.param(
            bought("[{kind: credit, usd: 0, expires: '2026-12-31'}]"), "above 0", id="no credit"
        ),
        pytest.param(bought(f"[{CREDIT}, {CREDIT}]"), "the same stands at p.yaml:2", id="twice"),
        pytest.param(
            rules("{name: x}"), "p.yaml:3:5: nothing is said of them", id="a rule says nothing"
        ),
        pytest.param(
            rules("{team: a}"), "nothing says which deployments it is about", id="a rule of nobody"
        ),
        pytest.param(rules("{name: x, tema: a}"), "did you mean team?", id="a typo in a rule"),
        pytest.param(
            rules("{name: x, team: a, split: {a: 50%, b: 50%}}"), "not both", id="team and split"
        ),
        pytest.param(
            rules("{name: x, split: {a: 50%, b: 40%}}"), "add up to 90", id="shares too small"
        ),
        pytest.param(
            rules("{name: x, split: {a: 100%}}"), "two teams or more", id="a split of one"
        ),
        pytest.param(
            rules("{name: x, team: a}", "{name: x, team: b}"),
            "p.yaml:4:5: its team never counts: the rule at p.yaml:3 comes first",
            id="two rules for the same",
        ),
        pytest.param(
            rules("{all: true, team: a}", "{name: x, split: {a: 50%, b: 50%}}"),
            "its team never counts",
            id="a rule behind everything",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_mend(text: str, expected: str) -> None:
    problems = [str(each) for each in check({"p.yaml": text}) if each.severity == "error"]

    assert any(expected in problem for problem in problems), problems


def test_what_is_wrong_in_one_policy_does_not_hide_what_is_wrong_in_another() -> None:
    other = a_policy(when="{idle_for: 30s}").removeprefix(f"{HEAD}policies:\n")
    text = a_policy(mode="of") + other.replace("one:", "two:")

    assert len(check({"p.yaml": text})) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            a_policy(match="{min_replicas: 0}"),
            "with min 0 Fireworks stops these by itself after 1h",
            id="shorter than the provider's own timer",
        ),
        pytest.param(
            a_policy(when="{failed_for: 1h}"), "so this only warns", id="an effect that never comes"
        ),
        pytest.param(
            a_policy(mode="observe", approval="{by: ann@example.com}"),
            "this version asks on the command line only (add cli:",
            id="people who could not be asked once it is approve",
        ),
        pytest.param(
            a_delete(when="{idle_for: 3d}"),
            "what holds replicas is protected by not_at_zero, so this only warns",
            id="a delete that never comes",
        ),
        pytest.param(
            a_policy(match="{accelerator: NVIDIA_H100_80G}"),
            "did you mean NVIDIA_H100_80GB?",
            id="an accelerator nobody knows",
        ),
    ],
)
def test_what_is_only_odd_is_a_note(text: str, expected: str) -> None:
    (problem,) = check({"p.yaml": text})

    assert problem.severity == "note"
    assert expected in str(problem)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("xoxb-1234567890-abcdefghij", id="Slack bot token"),
        pytest.param("xapp-1-A0123-456-abcdef", id="Slack app token"),
        pytest.param("fw_3ZabcdefghIJKLmnop", id="provider key"),
        pytest.param("https://hooks.slack.com/services/T0/B0/abcdefgh", id="incoming webhook"),
        pytest.param("0123456789abcdef0123456789abcdef", id="something long and mixed"),
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("notify: {{a: {{slack_webhook: '{0}'}}}}", id="as a secret"),
        pytest.param("notify: {{a: {{slack: '{0}'}}}}", id="as a channel"),
        pytest.param("timezone: '{0}'", id="in a wrong place"),
        pytest.param("'{0}': 1", id="as a key"),
        pytest.param("defaults: {{mode: '{0}', notify: ['{0}']}}", id="as a word"),
        pytest.param("defaults: {{notify: ['{0}']}}", id="as a route"),
        pytest.param("policies: {{'{0}': 1}}", id="as a name"),
        pytest.param("? {0}: [", id="in a line that is no YAML"),
    ],
)
def test_a_secret_in_a_policy_file_is_never_shown(where: str, secret: str) -> None:
    problems = check({"p.yaml": HEAD + where.format(secret) + "\n"})

    assert problems
    assert secret not in "\n".join(str(problem) + repr(problem) for problem in problems)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("idel_for", "did you mean idle_for?", id="two letters swapped"),
        pytest.param("idle_fr", "did you mean idle_for?", id="one missing"),
        pytest.param("IDLE_FOR", "did you mean idle_for?", id="upper case"),
        pytest.param("something", "known here: idle_for, older_than", id="far from all: the list"),
        pytest.param("x" * 60_000, "known here: idle_for, older_than", id="absurdly long"),
        pytest.param("", "known here: idle_for, older_than", id="nothing"),
    ],
)
def test_a_typo_finds_the_word_that_was_meant(word: str, expected: str) -> None:
    assert did_you_mean(word, ["older_than", "idle_for"]) == expected


def test_ordinary_words_are_not_masked() -> None:
    text = "accounts/acme/deployments/exp-llama-v3p1-8b idle_for: 45m NVIDIA_H100_80GB"

    assert masked(text) == text
