"""`pressrun up`: everything on one machine, started and ended by a person."""

import re
import signal
import socket
import urllib.request

import pytest
from house import until

from pipeline.commands import up


@pytest.fixture
def ports():
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    numbers = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return dict(zip(("--port", "--inbound-port", "--inbox-port"), numbers, strict=True))


@pytest.fixture
def taken(ports):
    with socket.create_server(("127.0.0.1", int(ports["--inbound-port"]))):
        yield ports


def words(ports) -> list[str]:
    return ["up", *(word for option in ports.items() for word in option)]


def healthy(ports) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['--port']}/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_everything_comes_up_and_one_interrupt_ends_it_all(make_house, ports):
    house = make_house()
    process = house.start(*words(ports))

    def ready() -> bool:
        assert process.poll() is None, house.log("up")
        swept = re.search(r"worker\s*\| .*pipeline\.sweep\[\S+\] succeeded", house.log("up"))
        return bool(swept) and healthy(ports)

    until(ready, seconds=90, what="pages and a worker")
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0, house.log("up")
    ended = re.findall(r"^up\s*\| (\w+) ended\.$", house.log("up"), re.MULTILINE)
    assert sorted(ended) == ["beat", "inbound", "inbox", "web", "worker"]
    assert ended[-1] == "inbox"
    assert "Traceback" not in house.log("up")


def test_with_a_relay_there_is_no_local_inbox(make_house, ports):
    house = make_house(SMTP_URL="smtp://127.0.0.1:1?starttls=never")
    process = house.start(*words(ports))
    until(lambda: process.poll() is not None or healthy(ports), seconds=90, what="pages")
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0, house.log("up")
    assert "inbox  " not in house.log("up")


def test_a_port_in_use_is_named_before_anything_starts(make_house, taken):
    refused = make_house().run_alone(*words(taken), status=1)
    assert f"Port {taken['--inbound-port']} on 127.0.0.1, for inbound, cannot be used" in refused.stderr
    assert "Nothing was started" in refused.stderr
    assert "--inbound-port" in refused.stderr
    assert refused.stdout == ""


def test_an_installed_pressrun_says_how_it_is_run(monkeypatch, tmp_path):
    monkeypatch.setattr(up, "PROCFILE", tmp_path / "Procfile")
    with pytest.raises(up.PressrunError, match="works in a checkout"):
        up._parts({"web": 1})


def test_each_part_gets_its_port_and_the_inbox_is_last():
    parts = {part.name: part for part in up._parts({"web": 1, "inbound": 2, "inbox": 3})}
    assert parts["web"].command == ("pressrun", "web", "--port", "1")
    assert parts["inbound"].command == ("pressrun", "inbound", "--port", "2")
    assert parts["inbox"].command == ("pressrun", "inbox", "--port", "3", "--returns-port", "2")
    assert parts["worker"].command == ("pressrun", "worker")
    assert [name for name, part in parts.items() if part.last] == ["inbox"]
