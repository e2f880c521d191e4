"""Each envelope gets its own true verdict, whatever happens to its neighbour: the table of faults, in every mode."""

import pytest
from relay import KEYWORDS, Behaviour, Ledger, RelayServer

from pipeline.delivery.smtp import Connection, Envelope, Relay, Timeouts, Tls, Verdict

WIRE = b"Subject: Issue 20\r\n\r\n" + b"Streets that count their cars.\r\n" * 40
QUICK = Timeouts(data=0.5, dot=0.5)
PATIENT = Timeouts()
MODES = {
    "pipelining": {},
    "eager": {"eager": True},
    "bytewise": {"bytewise": True},
    "lock-step": {"keywords": [k for k in KEYWORDS if k != "PIPELINING"]},
}
# What happens to the third of six: (script, its verdict, the command and code in its result, connection survives)
FAULTS = {
    "550 at RCPT": ({"rcpt": {"^c@": ["550 5.1.1 No such user"]}}, Verdict.REJECTED, "RCPT", 550, True),
    "450 at RCPT": ({"rcpt": {"^c@": ["450 4.2.1 Busy"]}}, Verdict.DEFERRED, "RCPT", 450, True),
    "451 at MAIL": ({"mail": {"^from-c@": ["451 4.3.0 Later"]}}, Verdict.DEFERRED, "MAIL", 451, True),
    "550 at MAIL": ({"mail": {"^from-c@": ["550 5.7.1 Not you"]}}, Verdict.REJECTED, "MAIL", 550, True),
    "451 at DATA": ({"data": {"^c@": ["451 4.3.0 Later"]}}, Verdict.DEFERRED, "DATA", 451, True),
    "451 after the dot": ({"dot": {"^c@": ["451 4.3.0 Later"]}}, Verdict.DEFERRED, ".", 451, True),
    "552 after the dot": ({"dot": {"^c@": ["552 5.3.4 Too big"]}}, Verdict.REJECTED, ".", 552, True),
    "421 at MAIL": ({"mail": {"^from-c@": ["421 4.3.2 Bye"]}}, Verdict.UNSENT, "MAIL", 421, False),
    "421 at RCPT": ({"rcpt": {"^c@": ["421 4.3.2 Bye"]}}, Verdict.UNSENT, "RCPT", 421, False),
    "421 at DATA": ({"data": {"^c@": ["421 4.3.2 Bye"]}}, Verdict.UNSENT, "DATA", 421, False),
    "421 after the dot": ({"dot": {"^c@": ["421 4.3.2 Bye"]}}, Verdict.DEFERRED, ".", 421, False),
    "closed at RCPT": ({"rcpt": {"^c@": ["close"]}}, Verdict.UNSENT, None, None, False),
    "reset after the dot, kept": ({"cut": {"after_dot": ["^c@"]}}, Verdict.UNCERTAIN, ".", None, False),
    "reset after the dot, not kept": ({"cut": {"before_keeping": ["^c@"]}}, Verdict.UNCERTAIN, ".", None, False),
    "reset in mid-body": ({"cut": {"mid_body": ["^c@"]}}, Verdict.UNCERTAIN, ".", None, False),
    "no answer after the dot": ({"dot": {"^c@": ["silent"]}}, Verdict.UNCERTAIN, ".", None, False),
    "kept, and no answer": ({"dot": {"^c@": ["keep+silent"]}}, Verdict.UNCERTAIN, ".", None, False),
    "no answer after DATA": ({"data": {"^c@": ["silent"]}}, Verdict.UNSENT, "DATA", None, False),
}
SURELY_KEPT = {"reset after the dot, kept", "kept, and no answer"}


def envelopes(names):
    return [Envelope(name, f"from-{name}@news.test", f"{name}@x.test", WIRE) for name in names]


def address(server):
    return Relay("127.0.0.1", server.port, Tls.NEVER)


def timeouts(fault):
    return QUICK if "no answer" in fault else PATIENT


def always():
    return True


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_truly_and_touches_nobody_else(fault, mode):
    script, verdict, command, code, survives = FAULTS[fault]
    ledger = Ledger()
    with RelayServer(Behaviour(script=script, **MODES[mode]), ledger) as server:
        with Connection.open(address(server), helo="client.test", timeouts=timeouts(fault)) as connection:
            results = connection.send(envelopes("abcdef"), may_start=always)
            assert connection.usable is survives
        assert [result.key for result in results] == [*"abcdef"]
        verdicts = {result.key: result.verdict for result in results}
        assert verdicts.pop("c") is verdict
        rest = Verdict.ACCEPTED if survives else Verdict.UNSENT
        assert verdicts == {**dict.fromkeys("ab", Verdict.ACCEPTED), **dict.fromkeys("def", rest)}
        assert results[2].code == code
        assert command is None or results[2].command == command
        kept = {*"ab"} | ({*"def"} if survives else set()) | ({"c"} if fault in SURELY_KEPT else set())
        assert taken(ledger) == sorted(f"{name}@x.test" for name in kept)


@pytest.mark.parametrize("mode", ["eager", "lock-step"])
@pytest.mark.parametrize("second", ["550 at RCPT", "451 after the dot", "421 at RCPT", "reset after the dot, kept"])
@pytest.mark.parametrize("first", [fault for fault in FAULTS if "no answer" not in fault])
def test_two_faults_in_a_row_and_all_that_is_safe_repeated(first, second, mode):
    """The second fault is moved to the fourth envelope. In the end everybody was mailed once or is accounted for."""
    script = merged(FAULTS[first][0], moved(FAULTS[second][0]))
    ledger = Ledger()
    final = {}
    with RelayServer(Behaviour(script=script, **MODES[mode]), ledger) as server:
        left = envelopes("abcdef")
        while left:
            with Connection.open(address(server), helo="client.test") as connection:
                results = connection.send(left, may_start=always)
            final |= {r.key: r.verdict for r in results if r.verdict is not Verdict.UNSENT or r.command}
            left = [e for e in left if e.key not in final]
    assert final["c"] is FAULTS[first][1]
    assert final["d"] is FAULTS[second][1]
    assert {final[name] for name in "abef"} == {Verdict.ACCEPTED}
    mailed = {name for name, fault in (("c", first), ("d", second)) if fault in SURELY_KEPT}
    assert taken(ledger) == sorted(f"{name}@x.test" for name in {*"abef"} | mailed)


def merged(one, other):
    phases = {**one, **other}
    for phase in one.keys() & other.keys():
        phases[phase] = {**one[phase], **other[phase]}
        if phase == "cut":
            places = one[phase].keys() | other[phase].keys()
            phases[phase] = {p: [*one[phase].get(p, []), *other[phase].get(p, [])] for p in places}
    return phases


def moved(script):
    """The same fault for the next envelope."""
    if "cut" in script:
        return {"cut": {place: ["^d@"] for place in script["cut"]}}
    return {
        phase: {"^from-d@" if phase == "mail" else "^d@": answers for answers in rules.values()}
        for phase, rules in script.items()
    }


def taken(ledger):
    return sorted(entry["rcpt"] for entry in ledger.entries)
