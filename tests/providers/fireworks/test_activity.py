"""The metrics text: what is found in it, however it is cut, and when it is not believed."""

import math
from collections.abc import Sequence
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.errors import ProviderUnavailable
from firewarden.model.activity import Sample, Scrape
from firewarden.providers.fireworks import Limits
from firewarden.providers.fireworks.activity import BLOCK, LONGEST_LINE, Reading, Scan
from tests.providers.fireworks.stage import Pieces, Stage, a_series, in_turn

RATE = "request_counter_total:sum_by_deployment"
ERRORS = "requests_error_total:sum_by_deployment"
TOKENS = "tokens_prompt_total:sum_by_deployment"
CONCURRENT = "requests_coordinator_concurrent_count:avg_by_deployment"
CHAT = "accounts/acme/deployments/chat"
EVAL = "accounts/acme/deployments/eval"

OTHERS = "".join(
    a_series(f"{name}:sum_by_deployment", "chat", 9, le=str(le))
    for name in ("latency_overall_ms_bucket", "tokens_prompt_per_request_bucket")
    for le in (5, 10, "+Inf")
) + a_series("tokens_cached_prompt_total:sum_by_deployment", "chat", 9)

TEXT = (
    "# HELP request_counter_total:sum_by_deployment rate\n"
    "# TYPE request_counter_total:sum_by_deployment gauge\n"
    + a_series(RATE, "chat", 4.516666666666667)
    + a_series(RATE, "eval", 0)
    + a_series(ERRORS, "chat", 0.25, http_code="429")
    + a_series(ERRORS, "chat", 0.5, http_code="500")
    + OTHERS
    + a_series(TOKENS, "chat", "5.8e3")
    + a_series(TOKENS, "eval", 0)
    + a_series(CONCURRENT, "chat", 2.5)
    + a_series(CONCURRENT, "eval", "0.0")
)
FOUND = {
    CHAT: Sample(
        request_rate=4.516666666666667, error_rate=0.75, prompt_token_rate=5800.0, concurrency=2.5
    ),
    EVAL: Sample(request_rate=0.0, prompt_token_rate=0.0, concurrency=0.0),
}


def scan(text: str | bytes) -> Reading:
    return scan_pieces([text if isinstance(text, bytes) else text.encode()])


def scan_pieces(pieces: Sequence[bytes]) -> Reading:
    found = Scan()
    for piece in pieces:
        found.feed(piece)
    return found.finish()


async def scrape(answer: httpx.Response, limits: Limits | None = None) -> Scrape:
    return await Stage(in_turn(answer), limits=limits).account.fetch_activity()


async def test_a_scrape_holds_the_wanted_gauges_of_every_deployment() -> None:
    found = await scrape(httpx.Response(200, text=TEXT))

    assert (found.whole, found.problem, found.samples) == (True, "", FOUND)
    assert found.fingerprint


@given(st.lists(st.integers(0, len(TEXT)), max_size=30))
def test_it_does_not_matter_where_the_text_is_cut(cuts: list[int]) -> None:
    data = TEXT.encode()
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]

    assert scan_pieces(pieces) == scan(TEXT)


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 10_000])
def test_a_long_text_is_searched_block_by_block(size: int) -> None:
    data = (OTHERS * 2500 + TEXT + OTHERS * 2500).encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]

    assert scan_pieces(pieces).samples == FOUND


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(TEXT.replace("} ", "}\t  ").replace("\n", " \n"), id="blanks"),
        pytest.param(TEXT.replace("\n", " 1730721600000\n"), id="instants after the values"),
        pytest.param(TEXT.replace('"} ', '",} '), id="a comma before the brace"),
        pytest.param(TEXT.replace(',deployment="', ' , deployment = "'), id="blanks in labels"),
        pytest.param(TEXT + "\n\n# EOF\n", id="empty lines, a comment at the end"),
        pytest.param("".join(sorted(TEXT.splitlines(keepends=True))), id="another order"),
        pytest.param(TEXT.replace("accounts/acme/deployments/", "", 1), id="a short name, once"),
        pytest.param(TEXT + TEXT, id="every series twice"),
        pytest.param(TEXT + "request_counter_total:sum_by_model{x=}} ?\n", id="another family"),
    ],
)
def test_the_same_text_written_otherwise_says_the_same(text: str) -> None:
    assert scan(text) == scan(TEXT)


@pytest.mark.parametrize(
    ("name", "means"),
    [
        pytest.param(r"a\"b", 'a"b', id="a quote"),
        pytest.param(r"a\\b", r"a\b", id="a backslash"),
        pytest.param(r"a\\nb", r"a\nb", id="a backslash before an n"),
        pytest.param(r"a\nb", "a\nb", id="a new line"),
        pytest.param("a}b{c=d, e", "a}b{c=d, e", id="braces"),
        pytest.param("ü€", "ü€", id="not ASCII"),
        pytest.param(r",deployment=\"accounts/x", ',deployment="accounts/x', id="a false label"),
    ],
)
def test_labels_with_escapes(name: str, means: str) -> None:
    text = f'{RATE}{{base_model="{name}",deployment="accounts/acme/deployments/{name}"}} 1\n'

    assert scan(text).samples == {f"accounts/acme/deployments/{means}": Sample(request_rate=1.0)}


def test_a_label_s_end_is_not_taken_for_another_label_s_beginning() -> None:
    text = f'{RATE}{{base_model="x,deployment=",deployment="{CHAT}"}} 1\n'

    assert scan(text).samples == {CHAT: Sample(request_rate=1.0)}


@pytest.mark.parametrize(
    "value", ["NaN", "nan", "+Inf", "-Inf", "-1", "1_0", "0x1", "1e999", "zero", '"0"']
)
def test_what_can_be_no_rate_is_unknown_and_never_zero(value: str) -> None:
    found = scan(a_series(RATE, "chat", value) + a_series(TOKENS, "chat", 0))

    assert found.whole
    sample = found.samples[CHAT]
    assert sample.request_rate is not None
    assert math.isnan(sample.request_rate)
    assert sample.prompt_token_rate == 0


@pytest.mark.parametrize("value", ["0", "0.0", "-0", "+0", "0e5", ".0", "0."])
def test_zero_in_all_its_forms(value: str) -> None:
    found = scan(a_series(RATE, "chat", value))

    assert found.samples == {CHAT: Sample(request_rate=0.0)}
    assert found.fingerprint == ""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(a_series(RATE, "chat", 0) + a_series(RATE, "chat", 1), id="they disagree"),
        pytest.param(
            a_series(RATE, "chat", 1) + a_series(RATE, "chat", 0) + a_series(RATE, "chat", 0),
            id="two of three agree",
        ),
        pytest.param(a_series(RATE, "chat", "NaN") + a_series(RATE, "chat", 0), id="one is NaN"),
    ],
)
def test_one_series_with_two_values_is_unknown(text: str) -> None:
    rate = scan(text + a_series(RATE, "eval", 0)).samples[CHAT].request_rate

    assert rate is not None
    assert math.isnan(rate)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "none of the series", id="nothing"),
        pytest.param(OTHERS, "none of the series", id="nothing that is wanted"),
        pytest.param("<html><body>Log in</body></html>", "HTML", id="a page"),
        pytest.param('{"error": "x"}', "none of the series", id="JSON"),
        pytest.param(TEXT + RATE + '{deployment="accounts/a', "within a line", id="cut in labels"),
        pytest.param(TEXT + RATE + " 5\n", "cannot be read", id="no labels"),
        pytest.param(TEXT + RATE + f'{{deployment="{CHAT}"}}\n', "cannot be read", id="no value"),
        pytest.param(TEXT + RATE + '{x="1"} 5\n', "without the name", id="no deployment"),
        pytest.param(TEXT + RATE + "{x=1} 5\n", "without the name", id="labels that are none"),
        pytest.param(TEXT + "x" * (LONGEST_LINE + BLOCK), "without end", id="an endless line"),
        pytest.param(b"\xff\x00" * 4000, "none of the series", id="bytes"),
    ],
)
def test_a_text_that_makes_no_sense_says_nothing_of_anybody(
    text: str | bytes, problem: str
) -> None:
    found = scan(text)

    assert (found.whole, found.samples, found.fingerprint) == (False, {}, "")
    assert problem in found.problem


@given(st.integers(0, len(TEXT) - 1))
def test_a_text_cut_within_a_line_is_not_whole(length: int) -> None:
    """Cut after its first digit, 0.25 reads 0; a cut between lines shows in absent series."""
    found = scan(TEXT[:length])

    assert found.whole is (TEXT[:length].endswith("\n") and bool(found.samples))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(
            httpx.Response(200, headers={"content-length": "9999"}, stream=Pieces(TEXT.encode())),
            "broke off after",
            id="shorter than promised",
        ),
        pytest.param(
            httpx.Response(200, stream=Pieces(TEXT.encode(), error=httpx.ReadError("reset"))),
            "broke off: ReadError",
            id="reset",
        ),
        pytest.param(
            httpx.Response(200, stream=Pieces(TEXT.rstrip("\n").encode())),
            "within a line",
            id="no end of the last line",
        ),
        pytest.param(
            httpx.Response(200, stream=Pieces(*[TEXT.encode()] * 50)), "4 KiB", id="too long"
        ),
    ],
)
async def test_a_scrape_that_does_not_come_to_its_end_is_not_whole(
    answer: httpx.Response, problem: str
) -> None:
    found = await scrape(answer, Limits(scrape_bytes=4096))

    assert (found.whole, found.samples) == (False, {})
    assert problem in found.problem


async def test_a_scrape_in_pieces_is_whole() -> None:
    pieces = Pieces(*(TEXT[start : start + 7].encode() for start in range(0, len(TEXT), 7)))

    assert (await scrape(httpx.Response(200, stream=pieces))).samples == FOUND


async def test_a_scrape_that_is_refused_is_raised() -> None:
    with pytest.raises(ProviderUnavailable):
        await scrape(httpx.Response(500))


def test_the_fingerprint_is_of_the_values_that_are_not_zero() -> None:
    used = scan(TEXT)
    moved = scan(TEXT.replace("4.516666666666667", "4.516666666666668"))
    idle_one_more = scan(TEXT + a_series(RATE, "ranker", 0))

    assert used.fingerprint != moved.fingerprint
    assert used.fingerprint == idle_one_more.fingerprint
    assert scan(TEXT.replace("2.5", "NaN")).fingerprint not in {"", used.fingerprint}


names = st.text(st.characters(codec="utf-8", exclude_characters='"\\\n/'), min_size=1, max_size=12)
rates = st.floats(0, 1e9)


@given(st.dictionaries(names, st.tuples(rates, rates), min_size=1, max_size=8), st.data())
def test_what_is_written_is_read_back(
    written: dict[str, tuple[float, float]], data: st.DataObject
) -> None:
    lines = [a_series(RATE, name, repr(rate)) for name, (rate, _) in written.items()]
    lines += [a_series(CONCURRENT, name, repr(count)) for name, (_, count) in written.items()]
    text = "".join(data.draw(st.permutations([*lines, OTHERS]))).encode()

    assert scan(text).samples == {
        f"accounts/acme/deployments/{name}": Sample(request_rate=rate, concurrency=count)
        for name, (rate, count) in written.items()
    }


fragments = st.sampled_from(
    [
        RATE.encode(),
        TOKENS.encode(),
        b'{deployment="accounts/a/deployments/b"}',
        *(bytes([byte]) for byte in b'{}",=\\ \t\r\n01e.#-'),
        b"NaN",
        b"\xff",
        b"\x00",
    ]
)


@given(st.lists(st.lists(fragments, max_size=30).map(b"".join) | st.binary(max_size=60)))
def test_no_text_whatever_breaks_the_scan(pieces: list[bytes]) -> None:
    found = scan_pieces(pieces)

    assert found.whole is not bool(found.problem)
    assert found.whole or found.samples == {}
    assert scan(b"".join(pieces)) == found or not found.whole
