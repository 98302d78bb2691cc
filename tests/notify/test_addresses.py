"""A webhook leads out of the network that this process is in, or it leads nowhere."""

from collections.abc import Sequence

import pytest

from firewarden.errors import NotDelivered, SettingsError
from firewarden.notify.addresses import ask_system, find_addresses, parse_target

HERE = "notify: pager"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("http://example.com/hook", "is not https", id="in the clear"),
        pytest.param("http://10.0.0.1/hook", "is not https", id="in the clear, next door"),
        pytest.param("ftp://example.com/hook", "is no address", id="another protocol"),
        pytest.param("file:/etc/passwd", "is no address", id="a file"),
        pytest.param("example.com/hook", "is no address", id="no scheme"),
        pytest.param("https:///hook", "is no address", id="no host"),
        pytest.param("https://example.com:99999/", "is no address", id="no port"),
        pytest.param("https://[::1/hook", "is no address", id="half an address"),
        pytest.param("https://user:pass@example.com/", "holds a user", id="a login"),
    ],
)
def test_an_address_that_nothing_may_be_sent_to_is_refused(url: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_target(url, where=HERE)

    assert str(refused.value) == (
        f"notify: pager: the address of the webhook {said}; give one like https://example.com/hook"
    )


@pytest.mark.parametrize(
    "resolved",
    [
        pytest.param(["10.1.2.3"], id="private"),
        pytest.param(["172.16.0.1"], id="private too"),
        pytest.param(["192.168.0.1"], id="at home"),
        pytest.param(["169.254.169.254"], id="the metadata of a cloud"),
        pytest.param(["127.0.0.1"], id="this machine"),
        pytest.param(["0.0.0.0"], id="any"),
        pytest.param(["100.64.0.1"], id="shared"),
        pytest.param(["224.0.0.1"], id="everybody"),
        pytest.param(["240.0.0.1"], id="reserved"),
        pytest.param(["255.255.255.255"], id="broadcast"),
        pytest.param(["::1"], id="this machine in six"),
        pytest.param(["::"], id="any in six"),
        pytest.param(["fe80::1%eth0"], id="on the link"),
        pytest.param(["fd00::1"], id="unique local"),
        pytest.param(["ff02::1"], id="everybody in six"),
        pytest.param(["::ffff:10.0.0.1"], id="mapped"),
        pytest.param(["64:ff9b::a00:1"], id="translated"),
        pytest.param(["2002:a00:1::"], id="six to four"),
        pytest.param(["2001:0:5ef5:79fb:0:0:f5ff:fffe"], id="tunnelled"),
        pytest.param(["93.184.216.34", "10.0.0.1"], id="one of two"),
        pytest.param([], id="nowhere"),
    ],
)
async def test_a_name_that_leads_into_a_private_network_is_refused(resolved: list[str]) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return resolved

    target = parse_target("https://hooks.example.com/x", where=HERE)
    with pytest.raises(NotDelivered, match="private network") as refused:
        await find_addresses(target, resolve, where=HERE)

    assert refused.value.for_good


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "[::ffff:7f00:1]"],
)
async def test_this_machine_in_disguise_is_refused(host: str) -> None:
    """The system reads these as 127.0.0.1; only the URL's own plain word for it counts."""
    target = parse_target(f"https://{host}/x", where=HERE)
    if target.loopback:
        assert host == "127.0.0.1"
        return
    with pytest.raises(NotDelivered, match="private network"):
        await find_addresses(target, ask_system, where=HERE)


async def test_a_name_that_says_this_machine_and_is_another_is_refused() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.216.34"]

    with pytest.raises(NotDelivered, match="private network"):
        await find_addresses(parse_target("http://localhost/x", where=HERE), resolve, where=HERE)


@pytest.mark.parametrize(
    ("url", "address", "connected"),
    [
        pytest.param(
            "https://example.com/a?b=c#d",
            "93.184.216.34",
            "https://93.184.216.34:443/a?b=c",
            id="4",
        ),
        pytest.param(
            "https://example.com:8443/",
            "2606:2800:220:1::1",
            "https://[2606:2800:220:1::1]:8443/",
            id="6",
        ),
        pytest.param("http://127.0.0.1:9/x", "127.0.0.1", "http://127.0.0.1:9/x", id="here"),
    ],
)
async def test_what_was_checked_is_what_is_connected_to(
    url: str, address: str, connected: str
) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [address]

    target = parse_target(url, where=HERE)
    (found,) = await find_addresses(target, resolve, where=HERE)

    assert target.at(found) == connected


async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such host")

    target = parse_target("https://hooks.example.com/x", where=HERE)
    with pytest.raises(NotDelivered, match="cannot be resolved") as failed:
        await find_addresses(target, resolve, where=HERE)

    assert not failed.value.for_good
