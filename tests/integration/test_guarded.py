"""The guarded client on real sockets: where it goes, where it refuses to, and how much it puts up with."""

import shutil
import socket
import ssl
import subprocess
from ipaddress import ip_address
from time import monotonic

import pytest
from webserver import WebServer, answer, ok

from pipeline import guarded
from pipeline.content.hosts import is_public
from pipeline.guarded import Client, Limits, RefusedError, UnreachableError, addresses_of

HERE = ip_address("127.0.0.1")


class Names:
    """A resolver with answers of its own, one after the other, the last for ever; `asked` are the questions."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): list(each) for name, each in answers.items()}
        self.asked = []

    def __call__(self, host, seconds):
        assert seconds > 0
        self.asked.append(host)
        turns = self.answers[host]
        turn = turns.pop(0) if len(turns) > 1 else turns[0]
        return [ip_address(address) for address in turn.split()]


def client(server, *, names=None, **limits):
    """One that may reach this machine besides the public internet."""
    return Client(
        limits=Limits(**{"seconds": 10, "bytes": 1000, **limits}),
        resolve=names or Names(good_example=["127.0.0.1"]),
        may_reach=lambda address: is_public(address) or address == HERE,
        ports={80, 443, server.port} if server else {80, 443},
    )


@pytest.fixture
def nowhere(monkeypatch):
    """No connection may be made."""

    def made(*_, **__):
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", made)


def test_an_address_is_asked_as_a_browser_would():
    with WebServer({"/a%20b?c=%EA%B0%80": ok(b"hello")}) as server:
        url = f"http://good.example:{server.port}/a%20b?c=가#part"
        got = client(server).ask("GET", url)
    assert (got.status, got.body, got.redirects) == (200, b"hello", 0)
    [head] = server.asked
    assert head.startswith("GET /a%20b?c=%EA%B0%80 HTTP/1.1\r\n")
    assert f"\r\nHost: good.example:{server.port}\r\n" in head
    assert not {"cookie:", "authorization:", "referer:"} & {line.split(" ")[0].lower() for line in head.splitlines()}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://100.100.100.200/",
        "http://[2002:7f00:1::]/",
        "https://192.168.0.1/",
    ],
)
def test_addresses_that_are_not_public_are_refused_however_they_are_written(nowhere, url):
    with pytest.raises(RefusedError, match="not on the public internet"):
        Client().ask("HEAD", url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://good.example/", "only https"),
        ("file:///etc/passwd", "only https"),
        ("gopher://good.example/", "only https"),
        ("mailto:a@good.example", "mailto"),
        ("http://user:word@good.example/", "user name or password"),
        ("http://good.example:22/", "port 22"),
        ("http://good.example:6379/", "port 6379"),
        ("http://good.example\r\nX: y/", "U\\+000D"),
        ("http:///x", "no host"),
    ],
)
def test_what_is_no_plain_web_address_is_refused(nowhere, url, why):
    with pytest.raises(RefusedError, match=why):
        client(None).ask("HEAD", url)


@pytest.mark.parametrize("answers", ["10.0.0.1", "::ffff:10.0.0.1", "fd00::1", "93.184.215.14 127.0.0.1", "0.0.0.0"])
def test_a_name_with_any_address_inside_is_refused(nowhere, answers):
    with pytest.raises(RefusedError, match=r"bad\.example is not on the public internet"):
        Client(resolve=Names(bad_example=[answers])).ask("HEAD", "https://bad.example/")


def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked():
    """DNS rebinding: asked a second time, the name would be that of something inside."""
    names = Names(turning_example=["127.0.0.1", "127.0.0.2"])
    with WebServer({"/": ok()}) as server, WebServer({"/": ok(b"inside")}, host="127.0.0.2") as inside:
        assert client(server, names=names).ask("GET", f"http://turning.example:{server.port}/").status == 200
    assert (names.asked, inside.connections) == (["turning.example"], 0)


def test_each_redirect_is_checked_anew():
    names = Names(turning_example=["127.0.0.1", "127.0.0.2"])
    with WebServer({}) as server:
        server.replies["/"] = answer(302, Location="/again")
        with pytest.raises(RefusedError, match=r"turning\.example is not on the public internet"):
            client(server, names=names).ask("GET", f"http://turning.example:{server.port}/")
    assert server.lines() == ["GET / HTTP/1.1"]


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "//169.254.169.254/",
        "http://0xa9fea9fe/",
        "http://127.0.0.2/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://good.example:22/",
        "http://user:word@good.example/",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_inside(status, target):
    with WebServer({"/": answer(status, Location=target)}) as server, pytest.raises(RefusedError):
        client(server).ask("GET", f"http://good.example:{server.port}/")
    assert server.connections == 1


def test_redirects_are_followed_so_far_and_no_further():
    with WebServer({f"/{at}": answer(302, Location=f"/{at + 1}#x") for at in range(9)}) as server:
        server.replies["/5"] = ok(b"here")
        got = client(server).ask("GET", f"http://good.example:{server.port}/0")
        assert (got.url, got.redirects, got.body) == (f"http://good.example:{server.port}/5", 5, b"here")
        server.replies["/5"] = answer(302, Location="/6")
        with pytest.raises(UnreachableError, match="more than 5 times"):
            client(server).ask("GET", f"http://good.example:{server.port}/0")
    assert "GET /6 HTTP/1.1" not in server.lines()


def test_a_redirect_without_a_target_is_an_answer():
    with WebServer({"/": answer(302)}) as server:
        assert client(server).ask("HEAD", f"http://good.example:{server.port}/").status == 302


def drip(first):
    """Slow loris: always one byte more, before anybody's patience with a single one ends."""

    def write(peer):
        peer.sendall(first)
        peer.settimeout(0.05)
        while True:
            try:
                if not peer.recv(1):
                    return
            except TimeoutError:
                peer.sendall(b"x")

    return write


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_a_server_that_drips_is_left_at_the_deadline(first):
    with WebServer({"/": drip(first)}) as server:
        began = monotonic()
        with pytest.raises(UnreachableError, match="takes too long"):
            client(server, seconds=0.5).ask("GET", f"http://good.example:{server.port}/")
        assert monotonic() - began < 5


def test_the_deadline_is_for_all_redirects_together():
    def slowly(peer):
        peer.settimeout(0.3)
        try:
            peer.recv(1)
        except TimeoutError:
            peer.sendall(answer(302, Location="/"))

    with WebServer({"/": slowly}) as server, pytest.raises(UnreachableError, match="takes too long"):
        client(server, seconds=0.5, redirects=1000).ask("GET", f"http://good.example:{server.port}/")
    assert server.connections < 4


def test_of_a_huge_body_only_so_much_is_read():
    sent = []

    def pour(peer):
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent.append(peer.send(b"x" * 65536))

    with WebServer({"/": pour}) as server:
        got = client(server, bytes=1000).ask("GET", f"http://good.example:{server.port}/")
    assert got.body == b"x" * 1000
    assert sum(sent) < 100_000_000


def test_endless_headers_and_other_languages_are_no_http():
    def headers(peer):
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            peer.sendall(b"A: b\r\n" * 1000)

    with WebServer({"/h": headers, "/s": b"SSH-2.0-OpenSSH\r\n\r\n", "/l": b"HTTP/1.1 200 " + b"x" * 99_999}) as server:
        for path in "hsl":
            with pytest.raises(UnreachableError, match="does not answer in HTTP"):
                client(server).ask("GET", f"http://good.example:{server.port}/{path}")


def test_nobody_there():
    with WebServer({}) as server:
        pass
    with pytest.raises(UnreachableError, match=r"good\.example cannot be reached: Connection refused"):
        client(server).ask("HEAD", f"http://good.example:{server.port}/")


def test_the_next_address_is_tried_when_one_does_not_answer():
    names = Names(good_example=["127.0.0.1 127.0.0.1"])
    tried = []

    def connect(address, timeout):
        tried.append(address)
        if len(tried) == 1:
            raise ConnectionRefusedError(111, "Connection refused")
        return real(address, timeout)

    real = socket.create_connection
    with WebServer({"/": ok()}) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", connect)
        assert client(server, names=names).ask("HEAD", f"http://good.example:{server.port}/").status == 200
    assert len(tried) == 2


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    with WebServer({}) as proxy, WebServer({"/": ok()}) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert client(server).ask("HEAD", f"http://good.example:{server.port}/").status == 200
    assert proxy.connections == 0


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """For good.example, signed by itself."""
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    command = [
        shutil.which("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]
    named = ["-subj", "/CN=good.example", "-addext", "subjectAltName=DNS:good.example"]
    subprocess.run([*command, *named, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusted(certificate, monkeypatch):
    context = ssl.create_default_context(cafile=str(certificate[0]))
    monkeypatch.setattr(guarded, "_context", lambda: context)


def test_a_certificate_is_checked_against_the_name_and_not_the_address(server_tls, trusted):
    names = Names(good_example=["127.0.0.1"], other_example=["127.0.0.1"])
    with WebServer({"/": ok()}, tls=server_tls) as server:
        asking = client(server, names=names)
        assert asking.ask("HEAD", f"https://good.example:{server.port}/").status == 200
        with pytest.raises(UnreachableError, match=r"certificate of other\.example is not valid"):
            asking.ask("HEAD", f"https://other.example:{server.port}/")


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(server_tls):
    with (
        WebServer({"/": ok()}, tls=server_tls) as server,
        pytest.raises(UnreachableError, match=r"certificate of good\.example is not valid: self-signed"),
    ):
        client(server).ask("HEAD", f"https://good.example:{server.port}/")


def test_a_server_without_encryption_is_told(trusted):
    with WebServer({}) as server, pytest.raises(UnreachableError, match=r"good\.example"):
        client(server, seconds=1).ask("HEAD", f"https://good.example:{server.port}/")


def test_a_handshake_that_drips_is_left_at_the_deadline(trusted):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = client(None, seconds=0.5)
        port = listener.getsockname()[1]
        patient = Client(silent.limits, silent.resolve, silent.may_reach, {port})
        with pytest.raises(UnreachableError, match="takes too long"):
            patient.ask("HEAD", f"https://good.example:{port}/")


# Names


def test_a_name_that_does_not_exist(monkeypatch):
    def missing(*_, **__):
        raise guarded.dns.resolver.NXDOMAIN

    monkeypatch.setattr(guarded.dns.resolver.Resolver, "resolve_name", missing)
    with pytest.raises(UnreachableError, match=r"There is no host nowhere\.example"):
        addresses_of("nowhere.example", 1)


def test_names_that_no_dns_can_hold_are_none():
    with pytest.raises(UnreachableError, match="There is no host"):
        addresses_of(f"{'a' * 64}.example", 1)
