"""A real Postfix between us and the servers of readers, which returns what these do not take."""

import socket
from collections.abc import Callable

import pytest
from house import House, until
from postfix import Postfix

DOMAIN = "bounces.city.example"


@pytest.fixture
def inbound_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture
def returning(inbound_port: int) -> list[str]:
    """What makes a Postfix bring its reports to us, and lets one destination's trouble not keep up the others."""
    return [
        f"transport_maps = inline:{{ {{ {DOMAIN} = smtp:[127.0.0.1]:{inbound_port} }} }}",
        "smtp_destination_concurrency_failed_cohort_limit = 0",
    ]


@pytest.fixture
def behind_postfix(make_house, inbound_port: int) -> Callable[[Postfix], House]:
    """An installation that works, takes in what comes back, and sends through a Postfix at 60 messages a second."""

    def work(postfix: Postfix) -> House:
        url = f"smtp://127.0.0.1:{postfix.port}?starttls=never&connections=2&rate=60"
        house: House = make_house(SMTP_URL=url, BOUNCE_DOMAIN=DOMAIN)
        house.start("inbound", "--port", str(inbound_port))
        until(lambda: "listening" in house.log("inbound"), what="listening for returned mail")
        house.start("worker")
        return house

    return work
