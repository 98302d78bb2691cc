"""Policy files with one mistake each, by what the mistake is: the text, and words that tell it.

In the texts ``▸`` stands where the mistake has to be told, and ``⟦wrong|right⟧`` around what is
wrong, with what is right in its place.
"""

import re

from tests.policy.texts import HEAD, a_delete, a_policy, bought, budget, rules

PLACE = "▸"
_CHOICE = re.compile(r"⟦([^|]*)\|([^⟧]*)⟧", re.DOTALL)

SOUND = a_policy()
POLICY = SOUND.removeprefix(HEAD)
NIGHTS = 'schedules: {nights: {days: mon-sun, from: "20:00", to: "07:00"}}\n'
TOLD = "{at: 80%, do: warn}"
SPLIT = "split: {a: 50%, b: 50%}"


def broken(text: str) -> str:
    """The file with its mistake, and without the marks."""
    return _CHOICE.sub(lambda found: found[1], text).replace(PLACE, "")


def mended(text: str) -> str:
    """The file without its mistake."""
    return _CHOICE.sub(lambda found: found[2], text).replace(PLACE, "")


def place(text: str) -> tuple[int, int]:
    """The line and the column where the mistake has to be told."""
    before = _CHOICE.sub(lambda found: found[1], text).partition(PLACE)[0].split("\n")
    return len(before), len(before[-1]) + 1


def with_line(line: str) -> str:
    """A policy with one more line, before `when`."""
    return SOUND.replace("    when", f"    {line}\n    when")


def matching(text: str) -> str:
    """A policy for something else."""
    return a_policy(match=f"{{{text}}}")


def under(text: str) -> str:
    """A policy under another condition."""
    return a_policy(when=f"{{{text}}}")


def doing(text: str) -> str:
    """A policy with other stages."""
    return a_policy(stages=text)


def in_hours(**changes: str) -> str:
    """A policy for the nights."""
    return a_policy(**{"when": "", "during": "nights"} | changes) + NIGHTS


def hours(text: str) -> str:
    """A file of one schedule."""
    return f"{HEAD}schedules: {{some: {text}}}\n"


def protect(text: str) -> str:
    """A file of one protection."""
    return f"{HEAD}protect: [{text}]\n"


def notify(text: str) -> str:
    """A file of routes."""
    return f"{HEAD}notify: {{{text}}}\n"


def limit(text: str, **changes: str) -> str:
    """A budget with another limit."""
    return budget(**{"limit": f"{{{text}}}"} | changes)


def at(text: str, **changes: str) -> str:
    """A budget of a month with other thresholds, after one that tells."""
    lines = {"limit": "{usd: 5, per: month}", "thresholds": f"[{TOLD}, {text}]"}
    return budget(**lines | changes)


SYNTAX = {
    "nothing": ("▸⟦|version: 1⟧", "the file is empty"),
    "comments alone": ("▸⟦# policies|version: 1⟧\n", "the file is empty"),
    "a tab before a line": (SOUND.replace("    when", "▸⟦\t|    ⟧when"), "a tab stands in the"),
    "a tab behind spaces": (SOUND.replace("    when", "    ▸⟦\t|⟧when"), "a tab stands in the"),
    "a space that is none": (
        SOUND.replace("    when", "▸⟦\u00a0\u00a0\u00a0\u00a0|    ⟧when"),
        "the character U+00A0 stands in the indentation",
    ),
    "a tab behind a colon": (SOUND.replace("when: ", "when:▸⟦\t| ⟧"), "a tab stands here"),
    "a line too far left": (SOUND.replace("    when", "⟦   |    ⟧▸when"), "indented unlike"),
    "a line too far right": (SOUND.replace("    when", "⟦     |    ⟧▸when"), "indented unlike"),
    "a list among keys": (with_line("▸⟦- mode: warn|mode: warn⟧"), "indented unlike"),
    "an open brace": (
        SOUND.replace("45m}", "45m⟦|}⟧").replace("stages", "stages▸"),
        "a comma is missing here, or the `{` of line 5 is not closed",
    ),
    "an open bracket": (f"{doing('[warn⟦|]⟧')}▸", "or the `[` of line 6 is not closed"),
    "no comma": (matching("name: x⟦|,⟧ state▸: READY"), "a comma is missing here"),
    "a brace too many": (with_line("limits: {per_day: 1}▸⟦}|⟧"), "nothing is open that `}` could"),
    "an open quote": (matching('name: ▸"exp-*⟦|"⟧'), "the quote that opens here is not closed"),
    "text behind a quote": (
        with_line('description: ⟦"Idle" ▸ones|\'"Idle" ones\'⟧'),
        "something stands behind the end of the value",
    ),
    "a backslash in double quotes": (
        with_line("description: ⟦\"\\▸d\"|'\\d'⟧"),
        "`\\d` means nothing in double quotes",
    ),
    "a second colon": (
        with_line("description: ⟦idle▸: to zero|'idle: to zero'⟧"),
        "a second `:` in one value",
    ),
    "no colon, and a block below": (
        SOUND.replace("one:\n    ", "one⟦|:⟧\n    ▸"),
        "this line goes on with the value of the line before",
    ),
    "no colon at the end": (f"{HEAD}▸budgets⟦|: {{}}⟧\n", "a key without a `:`"),
    "a list behind its key": (doing("▸⟦- warn|[warn]⟧"), "a list with `- ` cannot begin here"),
    "two commas": (doing("[warn⟦,|⟧▸, {wait: 1h}, park]"), "a value is missing before this"),
    "an at sign": (
        a_policy(mode="approve", approval='{by: [▸⟦@owners|"@owners"⟧, cli]}'),
        "no text can begin with `@`",
    ),
    "a percent sign first": (with_line("description: ▸⟦%|'%'⟧"), "no text can begin with `%`"),
    "a star without quotes": (matching('name: ▸⟦*-dev|"*-dev"⟧'), "anchors and aliases are not"),
    "a star and nothing": (matching("name: ▸⟦*|x⟧"), "anchors and aliases are not read"),
    "an anchor": (a_policy(when="▸⟦&idle |⟧{idle_for: 45m}"), "anchors and aliases are not read"),
    "a tag": (under("idle_for: ▸⟦!!str |⟧45m"), "tags are not read"),
    "an exclamation mark": (matching('name: ▸⟦!x|"!x"⟧'), "tags are not read"),
    "a merge key": (with_line("▸⟦<<: {mode: warn}|mode: warn⟧"), "merge keys are not read"),
    "a list for a key": (with_line("⟦? ▸[mode]\n    : warn|mode: warn⟧"), "a key must be text"),
    "a key twice": (f"{SOUND}▸⟦version: 1\n|⟧", "`version` is given twice, first on line 1"),
    "a policy twice": (
        SOUND + POLICY.replace("policies:\n  one", "  ▸⟦one|two⟧"),
        "`one` is given twice, first on line 3",
    ),
    "a second document": (f"{HEAD}▸⟦---\n|⟧{POLICY}", "a second document begins here"),
    "another YAML": (f"⟦%YAML 1.1\n|⟧▸---\n{SOUND}", "only YAML 1.2 is read"),
    "too many levels": (
        matching(f"not: ⟦{'{not: ' * 15}{{name: ▸x}}{'}' * 15}|{{name: x}}⟧, all: true"),
        "nested deeper than 20 levels",
    ),
    "what nobody sees": (matching("name: x▸⟦\x07|⟧"), "the character U+0007 cannot be seen"),
    "a line break few editors show": (
        f"{HEAD}# nothing below▸⟦\u2028|\n⟧{POLICY}",
        "the character U+2028 cannot be seen",
    ),
    "letters turned round": (matching("name: x▸⟦\u202e|⟧"), "the character U+202E cannot be"),
    "half a character": (matching('name: ▸⟦"\\ud800"|x⟧'), "half a character"),
    "another encoding": (matching("name: Z▸⟦\udcfc|ü⟧rich"), "not UTF-8"),
    "another kind of file": ("▸⟦[policies]|version: 1⟧\n", "a map is expected"),
    "too much": (f"▸{HEAD}⟦{'# much' * 11_000}|⟧", "larger than 64 KiB"),
}

SHAPES = {
    "a typo at the top": (f"{HEAD}▸⟦polices|policies⟧: {{}}\n", "unknown key `polices`"),
    "a typo in what must be there": (
        SOUND.replace("match", "▸⟦macth|match⟧"),
        "unknown key `macth` (did you mean match?)",
    ),
    "a key of another tool": (with_line("▸⟦filter: x|mode: warn⟧"), "unknown key `filter`"),
    "a key of later versions": (
        under("idle_for: 1h⟦, ▸cost_above: {usd: 5, over: 1d}|⟧"),
        "`cost_above` is not supported in this version",
    ),
    "no space behind a colon": (matching("▸⟦name:x|name: x⟧"), "a space is missing behind `name:`"),
    "a space that looks like one": (
        matching("▸⟦name:\u00a0x|name: x⟧"),
        "a space is missing behind `name:`",
    ),
    "no colon at all": (
        SOUND.replace("match: {", "▸match⟦ {|: {⟧"),
        "a `:` is missing behind `match`",
    ),
    "a list for a map": (f"{HEAD}policies: ▸⟦[idle]|{{}}⟧\n", "a map is expected"),
    "text for a map": (a_policy(match="▸⟦exp-*|{name: exp-*}⟧"), "a map is expected"),
    "an empty policy": (
        (
            f"{HEAD}policies:\n  ▸one:⟦| {{match: {{name: x}}, when: {{idle_for: 1h}},"
            " stages: [warn]}⟧\n"
        ),
        "a map is expected",
    ),
    "nothing behind a key": (f"{HEAD}▸policies:⟦| {{}}⟧\n", "nothing is written behind it"),
    "nothing behind a condition": (under("idle_for:▸ ⟦|1h⟧"), "nothing is written behind it"),
    "text for a list": (doing("▸⟦warn|[warn]⟧"), "a list is expected"),
    "an empty list": (doing("▸⟦[]|[warn]⟧"), "the list is empty"),
    "no match": (
        (
            f"{HEAD}policies:\n  ▸one:\n    ⟦|match: {{name: x}}\n    ⟧when: {{idle_for: 1h}}"
            "\n    stages: [warn]\n"
        ),
        "`match` is missing",
    ),
    "no version": (f"▸⟦|{HEAD}⟧policies: {{}}\n", "`version` is missing"),
    "a newer language": ("version: ▸⟦2|1⟧\n", "only version 1 of the policy language is known"),
    "a version in quotes": ('version: ▸⟦"1"|1⟧\n', "only version 1 of the policy language"),
    "a name with a space": (
        SOUND.replace("one:", "▸⟦my one|my-one⟧:"),
        "`my one` cannot be a name",
    ),
    "a name too long": (SOUND.replace("one:", f"▸⟦{'a' * 65}|a⟧:"), "cannot be a name"),
    "a number for a name": (matching('name: ▸⟦5|"5"⟧'), "text is expected"),
    "a number among names": (matching('name: [x, ▸⟦5|"5"⟧]'), "text is expected"),
    "a map for a name": (matching("name: ▸⟦{is: x}|x⟧"), "text is expected, not a list or a map"),
    "no text": (matching('name: ▸⟦" "|x⟧'), "empty: text is expected"),
    "much text": (matching(f"name: ▸⟦{'x' * 501}|x⟧"), "longer than 500 characters"),
    "many items": (matching(f"name: ▸⟦[{'x,' * 1001}]|x⟧"), "more than 1000 items"),
    "quotes of a word processor": (
        matching('name: ▸⟦\u201cx\u201d|"x"⟧'),
        "not in quotes that YAML knows",
    ),
    "an octal number": (matching("min_replicas: ▸⟦0755|755⟧"), "a whole number is expected"),
    "a number in quotes": (matching('max_replicas: ▸⟦"2"|2⟧'), "a whole number is expected"),
    "a number below nothing": (matching("min_replicas: [0, ▸⟦-1|1⟧]"), "must be at least 0"),
    "a limit of nothing": (a_policy(limits="{per_hour: ▸⟦0|1⟧}"), "must be at least 1"),
    "yes for true": (in_hours(even_if_active="▸⟦yes|true⟧"), "true or false is expected"),
    "a word of a closed list": (
        a_policy(limits="{on_exceed: ▸⟦stop|hold⟧}"),
        "one of 'trickle' or 'hold' is expected",
    ),
}

VALUES = {
    "a duration in words": (under("idle_for: ▸⟦45 minutes|45m⟧"), "did you mean 45m?"),
    "a duration of two units": (under("idle_for: ▸⟦1h30m|90m⟧"), "did you mean 90m?"),
    "a duration without a unit": (under("idle_for: ▸⟦45|45m⟧"), "a duration is expected"),
    "a duration in capitals": (under("idle_for: ▸⟦45M|45m⟧"), "not a duration"),
    "a duration with an exponent": (under("older_than: ▸⟦1e3d|1000d⟧"), "not a duration"),
    "a fraction of an hour": (under("idle_for: ▸⟦1.5h|90m⟧"), "not a duration"),
    "a duration below nothing": (under("idle_for: ▸⟦-5m|5m⟧"), "not a duration"),
    "a duration of nothing": (under("idle_for: ▸⟦0m|5m⟧"), "a duration of 0 has no meaning"),
    "a duration of a lifetime": (under("older_than: ▸⟦600w|500w⟧"), "longer than ten years"),
    "a typo in a zone": (
        f"{HEAD}timezone: ▸⟦Europe/Berln|Europe/Berlin⟧\n",
        "did you mean Europe/",
    ),
    "no zone": (f"{HEAD}timezone: ▸⟦Mars/Base|UTC⟧\n", "`Mars/Base` is no time zone"),
    "an hour without a zero": (
        hours('{days: mon, from: ▸⟦"8:00"|"08:00"⟧, to: "09:00"}'),
        "`8:00` is no time of day",
    ),
    "the hour after the last": (
        hours('{days: mon, from: "20:00", to: ▸⟦"24:00"|"23:59"⟧}'),
        "`24:00` is no time of day",
    ),
    "no day of the week": (hours("{days: [mon, ▸⟦tus|tue⟧]}"), "did you mean tue?"),
    "days backwards": (hours("{days: ▸⟦sat-mon|[sat-sun, mon]⟧}"), "`sat-mon` goes backwards"),
    "no day of the year": (hours("{dates: ▸⟦2026-02-30|2026-02-28⟧}"), "`2026-02-30` is no day"),
    "dates backwards": (
        hours("{dates: ▸⟦2026-12-27..2026-12-20|2026-12-20..2026-12-27⟧}"),
        "ends before it begins",
    ),
    "no verb": (hours("{days: mon, verbs: [delete, ▸⟦stop|park⟧]}"), "`stop` is no verb"),
    "no mode": (a_policy(mode="▸⟦off|disabled⟧"), "`off` is no mode"),
    "a switch for a mode": (a_policy(mode="▸⟦false|disabled⟧"), "a mode is expected"),
    "no state": (matching("state: [READY, ▸⟦DELTED|DELETED⟧]"), "did you mean DELETED?"),
    "no placement": (matching("placement: ▸⟦moon|global⟧"), "`moon` is no placement"),
    "half a placement": (
        matching('placement: ▸⟦"region:"|"region:US_IOWA_1"⟧'),
        "nothing after the colon",
    ),
    "no tags": (matching("tags: ▸⟦{}|{team: x}⟧"), "a map of tags is expected"),
    "a star for a name": (matching('⟦name: ▸"*"|all: true⟧'), "`*` matches everything"),
    "a star among names": (matching('name: ["a-*", ▸⟦"**"|"b-*"⟧]'), "`*` matches everything"),
    "a share without a sign": (a_policy(limits="{share_per_hour: ▸⟦20|20%⟧}"), "not a share"),
    "a share of nothing": (a_policy(limits="{share_per_hour: ▸⟦0%|1%⟧}"), "a share lies above 0%"),
    "money in words": (under("saves_at_least: ▸⟦5 USD|5⟧"), "an amount in US dollars is expected"),
    "no money": (under("saves_at_least: ▸⟦0|any⟧"), "must lie above 0 and be at most"),
    "no protection to lift": (a_policy(allow="[addons, ▸⟦hotload|hot_load⟧]"), "did you mean hot_"),
    "a protection never lifted": (
        a_policy(allow="[addons⟦, ▸training|⟧]"),
        "legal only with trainer_gone_for",
    ),
    "a time to put back": (a_policy(restore="▸⟦on_wak|on_wake⟧"), "did you mean on_wake?"),
    "an end of no hours in defaults": (
        f"{HEAD}defaults: {{restore: ▸⟦at_end|never⟧}}\n",
        "the end of a policy's own hours",
    ),
    "an answer to the provider": (a_policy(provider_delete="▸⟦aks|ask⟧"), "did you mean ask?"),
    "nobody who approves": (
        a_policy(mode="approve", approval="{by: [cli, ▸⟦ann|ann@example.com⟧]}"),
        "`ann` is nobody who could approve",
    ),
    "a snooze of words": (f"{HEAD}snooze: {{choices: [4h, ▸⟦later|1d⟧]}}\n", "not a duration"),
    "an end of a protection": (protect('{name: x, until: ▸⟦soon|"2026-12-15"⟧}'), "neither a date"),
    "a secret in the file": (
        notify('a: {webhook: ▸⟦https://example.com/in|"env:HOOK"⟧}'),
        "a secret never stands in",
    ),
    "a token for a channel": (
        notify("a: {slack: ▸⟦xoxb-1234-5678|gpu-costs⟧}"),
        "this looks like a secret",
    ),
    "a channel with its sign": (notify('a: {slack: ▸⟦"#gpu"|gpu⟧}'), "`#gpu` is no channel name"),
    "an amount in words": (limit('usd: ▸⟦"5k"|5000⟧, per: day'), "a number is expected"),
    "a debt": (limit("usd: ▸⟦-5|5⟧, per: day"), "must lie above 0"),
    "an amount of a team": (
        limit("usd: {a: 5, b: ▸⟦0|1⟧}, per: day", scope="{each: team}"),
        "must lie above 0",
    ),
    "no amounts": (limit("usd: ▸⟦{}|5⟧, per: day"), "the map is empty"),
    "no window": (limit("usd: 5, per: ▸⟦mont|month⟧"), "did you mean month?"),
    "a window of no day": (
        limit('usd: 5, from: ▸⟦"2026-2-1"|"2026-02-01"⟧, to: "2026-03-01"'),
        "not a day",
    ),
    "a plan of nothing": (
        limit('usd: 5, per: month, planned: ▸⟦{}|{"2026-12": 8000}⟧'),
        "a map of windows is expected",
    ),
    "no attribute": (budget(scope="{each: ▸⟦tema|team⟧}"), "did you mean team?"),
    "a threshold without a sign": (at("{at: ▸⟦90|90%⟧, do: warn}"), "not a share of the limit"),
    "a threshold far above all": (at("{at: ▸⟦2000%|200%⟧, do: warn}"), "at most 1000%"),
    "no thing to do": (at("{at: 90%, do: ▸⟦wran|warn⟧}"), "did you mean warn?"),
    "no basis": (at("{at: 90%, basis: ▸⟦forcast|forecast⟧, do: warn}"), "did you mean forecast?"),
    "no order": (at("{at: 90%, do: park, first: ▸⟦newst|newest⟧}"), "did you mean newest?"),
    "an even pace": (at("{burn: ▸⟦1|2⟧, over: 1h, and: 5m, do: warn}"), "is no news"),
    "no kind of commitment": (
        bought("[{kind: ▸⟦credits|credit⟧, usd: 5, expires: 2026-12-31}]"),
        "did you mean credit?",
    ),
    "no day of an end": (
        bought("[{kind: credit, usd: 5, expires: ▸⟦soon|2026-12-31⟧}]"),
        "not a d",
    ),
    "no number of GPUs": (
        bought("[{kind: capacity, accelerator: x, gpus: ▸⟦8.5|8⟧, to: 2026-12-31}]"),
        "a whole number is expected",
    ),
    "a share of a bill": (rules("{name: x, split: {a: ▸⟦half|50%⟧, b: 50%}}"), "not a share"),
    "a bill of one": (
        rules("{name: x, split: ▸⟦{a: 100%}|{a: 50%, b: 50%}⟧}"),
        "two teams or more",
    ),
    "a maximum of nothing": (
        doing("[{set_autoscaling: {max: ▸⟦0|1⟧}}]"),
        "with max 0 no request wakes it",
    ),
    "no maximum": (doing("[{set_autoscaling: {max: ▸⟦low|now⟧}}]"), "`low` is no maximum"),
    "a relative minimum": (
        doing("[{set_autoscaling: {min: ▸⟦{lower: 1}|{lower_to: 1}⟧}}]"),
        "is relative",
    ),
    "no lead": (
        in_hours(stages="[{wait: 1h}, scale_to_zero, {restore: at_end, lead: ▸⟦soon|auto⟧}]"),
        "not a duration",
    ),
}

SENSE = {
    "an empty match": (a_policy(match="▸⟦{}|{all: true}⟧"), "an empty match"),
    "all, and more": (a_policy(match="{▸all: true⟦, state: READY|⟧}"), "`all` is only ever `true`"),
    "no condition": (a_policy(when="▸⟦{}|{idle_for: 45m}⟧"), "no condition is given"),
    "no condition inside": (under("idle_for: 1h, not: ▸⟦{}|{older_than: 1d}⟧"), "no condition is"),
    "nothing says when": (
        a_policy(when="").replace("one", "▸one") + f"⟦|    during: nights\n{NIGHTS}⟧",
        "nothing says when",
    ),
    "at zero and running": (under("idle_for: 1h⟦, ▸at_zero_for: 2h|⟧"), "are never true together"),
    "shorter than two looks": (under("▸idle_for: ⟦59s|60s⟧"), "shorter than two looks at use"),
    "as late as the provider": (
        a_policy(when="{▸at_zero_for: ⟦7d|6d⟧}", stages="[warn]"),
        "Fireworks deletes these after 7",
    ),
    "evidence too old": (
        a_policy(require_data="{▸fresh_within: ⟦31m|30m⟧}"),
        "nor older than half an hour",
    ),
    "evidence too thin": (a_policy(require_data="{▸coverage: ⟦49%|50%⟧}"), "less than half of the"),
    "nothing happens": (doing("▸[{wait: 1h}⟦|, warn⟧]"), "nothing ever happens"),
    "a stop without a wait": (doing("▸[warn, ⟦|{wait: 1h}, ⟧scale_to_zero]"), "without a wait"),
    "a delete without a warning": (
        a_delete(stages="▸[⟦|warn, ⟧{wait: 8h}, delete]"),
        "delete without a warning before it",
    ),
    "a delete at once": (
        a_delete(stages="▸[warn, {wait: ⟦59m|60m⟧}, delete]"),
        "less than 1h between the warning",
    ),
    "a delete nobody hears of": (
        a_delete(notify="⟦[log]|[chat]⟧", stages="[warn, {wait: 8h}, ▸delete]"),
        "gives a receipt",
    ),
    "something after the end": (
        doing("▸[{wait: 1h}, scale_to_zero⟦, delete|⟧]"),
        "nothing follows scale_to_zero",
    ),
    "two verbs in a stage": (doing("[▸{⟦warn: {}, |⟧wait: 1h}, park]"), "one verb a stage"),
    "no stage": (doing("[▸⟦wran|warn⟧]"), "did you mean warn?"),
    "a number for a stage": (doing("[▸⟦15|warn⟧]"), "a stage is expected"),
    "a stage of later versions": (
        doing("[warn, {▸⟦tag: x|hold_growth: {}⟧}]"),
        "`tag` is not supp",
    ),
    "a delete for good": (
        a_delete(stages="[warn, {wait: 8h}, {delete: {⟦▸hard: true|⟧}}]"),
        "unknown key `hard`",
    ),
    "bounds of nothing": (doing("[{set_autoscaling: ▸⟦{}|{min: 0}⟧}]"), "nothing is set"),
    "bounds the wrong way round": (
        doing("[{set_autoscaling: {▸min: ⟦3|1⟧, max: 2}}]"),
        "min is above max",
    ),
    "a window of its own beside a minimum": (
        doing("[{set_autoscaling: {min: ⟦1|0⟧, ▸scale_to_zero_window: 30m}}]"),
        "counts only where min is 0",
    ),
    "a window too short": (
        doing("[{set_autoscaling: {▸scale_to_zero_window: ⟦4m|5m⟧}}]"),
        "cannot be so short",
    ),
    "two waits, one within hours": (
        a_policy(stages="▸[⟦{wait: 1h}, |⟧{wait: {for: 1h, within: nights}}, park]") + NIGHTS,
        "stands alone",
    ),
    "an end of no hours": (
        with_line("▸restore: ⟦at_end|never⟧"),
        "is the end of the hours of `during`",
    ),
    "a last stage at the end of no hours": (
        a_policy().replace("stages", "▸stages").replace("zero]", "zero⟦, {restore: at_end}|⟧]"),
        "is the end of the hours of `during`",
    ),
    "active in no hours": (
        with_line("⟦▸even_if_active: true|mode: warn⟧"),
        "`even_if_active` belongs to `during`",
    ),
    "a warning before no hours": (
        doing("[{warn: {⟦before: 1h|to: log⟧}}, {wait: 1h}, park]").replace("stages", "▸stages"),
        "counts from the hours of `during`",
    ),
    "no such hours": (
        f"{SOUND}    ▸during: ⟦night|nights⟧\n{NIGHTS}",
        "no schedule is called `night`",
    ),
    "no hours to rest in": (
        f"{SOUND}    ▸except_during: ⟦freeze|nights⟧\n{NIGHTS}",
        "no schedule is called `freeze`",
    ),
    "no hours to wait in": (
        doing("[warn, ▸{wait: {for: 1h, within: ⟦night|nights⟧}}, park]") + NIGHTS,
        "no schedule is called `night`",
    ),
    "hours shorter than the way back": (
        (
            f"{SOUND}    ▸during: nights\n    restore: at_end\n"
            'schedules: {nights: {days: mon, from: "12:00", to: ⟦"12:20"|"13:00"⟧}}\n'
        ),
        "its hours are no longer than the 20m before their end",
    ),
    "both kinds of days": (
        hours('▸{days: mon⟦, dates: "2026-12-24"|⟧}'),
        "either `days` or `dates`",
    ),
    "half of the hours": (
        hours('▸{days: mon, from: "20:00"⟦|, to: "23:00"⟧}'),
        "`from` and `to` are needed together",
    ),
    "hours of no length": (
        hours('{days: mon, from: "20:00", ▸to: ⟦"20:00"|"21:00"⟧}'),
        "it ends when it begins",
    ),
    "hours without an end": (hours("{▸days: ⟦mon-sun|mon-fri⟧}"), "it always holds"),
    "unknown_env and a stop that wakes": (
        a_policy(allow="[addons⟦, ▸unknown_env|⟧]"),
        "protects only from delete and park",
    ),
    "nothing to put back": (
        a_policy(stages="[warn]").replace("when:", "⟦▸restore: never|mode: warn⟧\n    when:"),
        "nothing is put back after a warning",
    ),
    "a wake that ends nothing": (
        a_policy(stages="[hold_growth]", restore="⟦on_wake|never⟧").replace("rest", "▸rest"),
        "does not end with a wake",
    ),
    "two times to put back": (
        in_hours(stages="[{wait: 1h}, park, {restore: at_end}]", mode="warn").replace(
            "mode: warn", "⟦▸restore: never|mode: warn⟧"
        ),
        "and yet the last stage says at_end",
    ),
    "a clock that nobody starts": (
        a_policy(stages="[hold_growth]").replace(
            "when:", "⟦▸provider_delete: ask|mode: warn⟧\n    when:"
        ),
        "only what sets min to 0",
    ),
    "nothing to approve": (
        a_policy(stages="[warn]").replace("when:", "⟦▸approval: {by: cli}|mode: warn⟧\n    when:"),
        "there is nothing to approve",
    ),
    "approval of what is enforced": (
        a_policy(mode="⟦enforce|approve⟧", approval="{by: cli}")
        .replace("appr", "▸appr")
        .replace("|▸appr", "|appr"),
        "in mode enforce nobody is asked",
    ),
    "nobody can approve": (
        a_policy(mode="approve", approval="{▸by: [ann@example.com⟦|, cli⟧]}"),
        "nobody of these can approve",
    ),
    "no route": (a_policy(notify="▸[⟦nobody|terminal⟧]"), "no route is called `nobody`"),
    "no route of a warning": (
        doing("[{warn: {to: ▸⟦termnal|terminal⟧}}]"),
        "did you mean terminal?",
    ),
    "no route of alerts": (f"{HEAD}alerts: {{page: ▸⟦oncal|log⟧}}\n", "no route is called `oncal`"),
    "two ways in a route": (
        notify('a: ▸{slack: x⟦, webhook: "env:HOOK"|⟧}'),
        "exactly one of slack, dm,",
    ),
    "a secret of nothing": (
        notify('a: {slack: x⟦, ▸secret: "env:KEY"|⟧}'),
        "`secret` belongs to webhook",
    ),
    "nobody else": (notify("a: ▸{dm: owner⟦|, else: log⟧}"), "`dm` needs `else`"),
    "half a map of channels": (
        notify("a: {slack: ▸{by: team, map: {x: y}⟦|, else: z⟧}}"),
        "are needed together",
    ),
    "a channel and a map": (
        notify("a: {slack: ▸{channel: x⟦, by: team|⟧}}"),
        "either a channel, or by, map and else",
    ),
    "a circle": (notify("a: {dm: owner, else: ▸⟦a|log⟧}"), "`else` leads in a circle"),
    "a route that is there": (notify("▸⟦log|logs⟧: {slack: x}"), "is a route of its own"),
    "a protection of nothing": (
        protect("▸{⟦|name: x, ⟧forever: true}"),
        "nothing says what is prot",
    ),
    "a protection without an end": (protect("▸{name: x⟦|, forever: true⟧}"), "say how long"),
    "a protection of two ends": (
        protect("▸{name: x, forever: true⟦, until: 2026-12-15|⟧}"),
        "say how long",
    ),
    "a snooze above the most": (
        f"{HEAD}snooze: {{choices: [▸⟦2w|1w⟧], max: 7d}}\n",
        "is longer than max",
    ),
    "a snooze above all together": (
        f"{HEAD}snooze: {{▸max: ⟦60d|30d⟧}}\n",
        "max is longer than max_total",
    ),
    "a rule of nobody": (rules("▸{⟦|name: x, ⟧team: a}"), "nothing says which deployments"),
    "a rule that says nothing": (rules("▸{name: x⟦|, team: a⟧}"), "nothing is said of them"),
    "a team and a split": (
        rules(f"{{name: x, ⟦team: a, |⟧▸{SPLIT}}}"),
        "either one team or a split",
    ),
    "shares that are not all": (
        rules("{name: x, ▸split: {a: 50%, b: ⟦40%|50%⟧}}"),
        "the shares add up to 90",
    ),
    "a rule that never counts": (
        rules("{all: true, team: a}", "▸{name: x, ⟦team|env⟧: b}"),
        "its team never counts",
    ),
    "commitments of some": (bought("▸⟦some|none⟧"), "a list is expected"),
    "half a commitment": (
        bought("[▸{kind: credit, usd: 5⟦|, expires: 2026-12-31⟧}]"),
        "credit needs `expires`",
    ),
    "a key of another commitment": (
        bought("[{kind: credit, usd: 5, expires: 2026-12-31⟦, ▸gpus: 8|⟧}]"),
        "credit has no `gpus`",
    ),
    "a commitment of no day": (
        bought("[{kind: spend, usd: 5, from: 2026-12-01, ▸to: ⟦2026-12-01|2026-12-02⟧}]"),
        "it ends before it begins",
    ),
    "a commitment twice": (
        bought(
            "[{kind: credit, usd: 5, expires: 2026-12-31}, "
            "▸{kind: credit, usd: ⟦5|6⟧, expires: 2026-12-31}]"
        ),
        "the same stands at",
    ),
    "a scope of nothing": (budget(scope="▸⟦{}|{all: true}⟧"), "nothing says what it is about"),
    "a scope of all, and more": (budget(scope="{▸all: true⟦, name: x|⟧}"), "`all` stands alone"),
    "untagged of no teams": (budget(scope="{all: true⟦, ▸untagged: x|⟧}"), "write `each` too"),
    "each of one": (budget(scope="{each: team⟦, ▸team: x|⟧}"), "in one scope"),
    "a budget of nothing": (
        limit("⟦|usd: 5, ⟧per: day").replace("limit: ", "limit: ▸"),
        "one of `usd`, `gpu_hours` and `gpus` is limited",
    ),
    "a limit in no time": (budget(limit="▸{usd: 5⟦|, per: day⟧}"), "exactly one of `per`"),
    "half a time": (
        budget(limit="▸{usd: 5, from: 2026-01-01⟦|, to: 2026-02-01⟧}"),
        "are needed together",
    ),
    "a time backwards": (
        limit("usd: 5, from: 2026-02-01, ▸to: ⟦2026-01-01|2026-03-01⟧"),
        "ends before it begins",
    ),
    "a plan of no windows": (
        limit("usd: 5, rolling: 30d⟦, ▸planned: {a: 5}|⟧"),
        "`planned` names windows of `per`",
    ),
    "amounts of nobody": (
        budget(limit="{usd: ⟦{a: 5}|5⟧, per: day}").replace("limit", "▸limit"),
        "need `each`",
    ),
    "a burn of a rolling window": (
        budget(
            limit="{usd: 5, ⟦rolling: 30d|per: month⟧}",
            thresholds="[{burn: 14.4, over: 1h, and: 5m, do: page}]",
        ).replace("thr", "▸thr"),
        "`burn` is a multiple of a calendar",
    ),
    "a forecast of a day": (
        budget(
            limit="{usd: 5, per: ⟦day|month⟧}", thresholds="[{at: 80%, basis: forecast, do: warn}]"
        ).replace("limit", "▸limit"),
        "looks to the end of a longer window",
    ),
    "no threshold": (at("▸{⟦|at: 90%, ⟧do: warn}"), "either `at` or `burn` says when"),
    "nothing done at a threshold": (at("▸{at: 90%⟦|, do: warn⟧}"), "`do` is missing"),
    "windows of no burn": (at("{at: 90%⟦, ▸over: 1h|⟧, do: warn}"), "belong to `burn`"),
    "a burn of one window": (
        at("▸{burn: 2, over: 1h⟦|, and: 5m⟧, do: warn}"),
        "`burn` needs two windows",
    ),
    "windows the wrong way round": (
        at("{burn: 2, over: ⟦5m|2h⟧, ▸and: 1h, do: warn}"),
        "`and` is the shorter",
    ),
    "sustained without a forecast": (
        at("{at: 90%⟦, ▸sustained: 1h|⟧, do: warn}"),
        "belong to `at` with `basis: forecast`",
    ),
    "a basis of a burn": (
        at("{burn: 2, over: 1h, and: 5m⟦, ▸basis: actual|⟧, do: warn}"),
        "`basis` belongs to `at`",
    ),
    "sustained too long": (
        at("{at: 90%, basis: forecast, ▸sustained: ⟦2d|24h⟧, do: warn}"),
        "longer than a day",
    ),
    "a mode of a message": (at("{at: 90%, do: warn⟦, ▸mode: warn|⟧}"), "`mode` belongs to a verb"),
    "an act by forecast": (
        at("▸{at: 90%⟦, basis: forecast|⟧, do: park}"),
        "only what is spent stops anything",
    ),
    "an answer nobody asks for": (
        at("{at: 90%, do: park⟦, ▸expires: 1h|⟧}"),
        "belong to `mode: approve`",
    ),
    "an order of all at once": (
        at("{at: 90%, do: hold_growth⟦, ▸first: newest|⟧}"),
        "nothing is first",
    ),
    "one act twice": (
        at("{at: 90%, do: park}⟦, {at: 95%, do: park}|⟧").replace("thr", "▸thr"),
        "a verb stands twice",
    ),
    "an act nobody hears of": (
        budget(thresholds="[⟦|{at: 80%, do: warn}, ⟧{at: 90%, do: park}]").replace("thr", "▸thr"),
        "nobody hears of it before `park`",
    ),
    "a way of no act": (
        budget(stop_early="true").replace("stop_early: true", "⟦▸stop_early: true|notify: log⟧"),
        "says how something is done, and nothing is",
    ),
    "a return without a window": (
        at("{at: 90%, do: park}", limit="{usd: 5, rolling: 30d}", restore="x").replace(
            "restore: x", "⟦▸restore: {at: window_start}|notify: log⟧"
        ),
        "a rolling window never begins anew",
    ),
    "a return nobody says": (
        at("{at: 90%, do: park}", restore="{at: window_start, ▸mode: ⟦warn|approve⟧}"),
        "it is put back by itself",
    ),
}

ALL = SYNTAX | SHAPES | VALUES | SENSE
