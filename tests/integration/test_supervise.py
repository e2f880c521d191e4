"""Processes run as one: real children, real signals, no sleeping; every wait is for a line or an end."""

import io
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import timedelta

import pytest

from pipeline.supervise import Part, read_procfile, run_together

# A part that tells when it is up and waits for SIGTERM. Blocked and awaited, no signal falls between two lines;
# of two that wait, sigwait takes the lower number, so that SIGTERM is never hidden by the other one.
POLITE = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGRTMIN})
print("up", flush=True)
signal.sigwait({signal.SIGTERM})
print("bye", flush=True)
"""
STUBBORN = POLITE.replace("sigwait({signal.SIGTERM})", "sigwait({signal.SIGRTMIN})")


def at_the_end(source):
    """A polite part that does something between SIGTERM and its goodbye."""
    return POLITE.replace('print("bye"', f'{source}\nprint("bye"')


class Lines(io.StringIO):
    """Collects what is printed and acts when a text has been printed so many times."""

    def __init__(self, **acts):
        super().__init__()
        self.acts = acts.get("acts", [])
        self.changed = threading.Condition()

    def write(self, text):
        written = super().write(text)
        for wanted, times, act in list(self.acts):
            if self.getvalue().count(wanted) >= times:
                self.acts.remove((wanted, times, act))
                act()
        return written


def part(name, source, *, last=False):
    return Part(name, (sys.executable, "-c", textwrap.dedent(source)), last=last)


def interrupt(number=signal.SIGINT):
    return lambda: os.kill(os.getpid(), number)


def together(*parts, acts=(), grace=60.0):
    out = Lines(acts=list(acts))
    status = run_together(parts, environment=dict(os.environ), out=out, grace=timedelta(seconds=grace))
    return status, out.getvalue().splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_part_politely(number):
    status, lines = together(part("web", POLITE), part("worker", POLITE), acts=[("| up", 2, interrupt(number))])
    assert status == 0
    assert sorted(line for line in lines if "bye" in line) == ["web    | bye", "worker | bye"]
    assert any(line.startswith(f"up     | {number.name}: stopping") for line in lines)


def test_one_part_ending_by_itself_ends_all_and_is_named():
    status, lines = together(part("web", POLITE), part("beat", "raise SystemExit(3)"))
    assert status == 1
    assert "up   | beat ended by itself with status 3; stopping the others." in lines


def test_even_a_clean_end_that_nobody_asked_for_is_a_failure():
    status, lines = together(part("web", POLITE), part("beat", "print('done')"))
    assert status == 1
    assert "beat | done" in lines
    assert "up   | beat ended by itself with status 0; stopping the others." in lines


def test_a_part_killed_from_outside_is_named_with_its_signal():
    status, lines = together(
        part("web", POLITE), part("worker", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    )
    assert status == 1
    assert any("worker ended by itself with SIGKILL" in line for line in lines)


def test_the_part_that_others_lean_on_ends_after_them(tmp_path):
    """The worker watches, while it ends, for the inbox to be cut off; half a second is long for a signal."""
    cut = tmp_path / "cut"
    inbox = at_the_end(f"open({str(cut)!r}, 'w')")
    worker = at_the_end(f"""
import os, time
until = time.monotonic() + 0.5
while time.monotonic() < until and not os.path.exists({str(cut)!r}): time.sleep(0.01)
if os.path.exists({str(cut)!r}): print("cut off", flush=True)
""")
    status, lines = together(part("inbox", inbox, last=True), part("worker", worker), acts=[("| up", 2, interrupt())])
    assert status == 0
    assert [line for line in lines if line.endswith(("bye", "cut off"))] == ["worker | bye", "inbox  | bye"]


def test_a_second_signal_says_what_is_waited_for_and_asks_nobody_twice():
    """The worker is woken once it has been waited for; a second SIGTERM would wake it too early."""
    worker = at_the_end("""
import os
print("finishing", os.getpid(), flush=True)
by = signal.sigwait({signal.SIGTERM, signal.SIGRTMIN})
print("woken by a second SIGTERM" if by == signal.SIGTERM else "woken", flush=True)
""")
    out = Lines()

    def wake():
        pid = next(line.split()[-1] for line in out.getvalue().splitlines() if "finishing" in line)
        os.kill(int(pid), signal.SIGRTMIN)

    out.acts = [("| up", 2, interrupt()), ("web ended", 1, interrupt()), ("Waiting for worker", 1, wake)]
    parts = [part("worker", worker), part("web", POLITE)]
    status = run_together(parts, environment=dict(os.environ), out=out)
    assert status == 0
    assert "worker | woken\n" in out.getvalue()


def test_what_does_not_end_in_time_is_killed_and_named():
    status, lines = together(part("worker", STUBBORN), acts=[("| up", 1, interrupt())], grace=0.2)
    assert status == 1
    assert any("Killing worker (process " in line for line in lines)


def test_the_terminals_interrupt_reaches_the_parts_through_us_alone():
    shows = "import os; print('group', os.getpgrp() == os.getpid(), flush=True)\n" + POLITE
    _, lines = together(part("web", shows), acts=[("| up", 1, interrupt())])
    assert "web | group True" in lines


def test_bytes_that_are_no_text_do_not_end_the_reading():
    broken = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stdout.flush()\n" + POLITE
    status, lines = together(part("web", broken), acts=[("| up", 1, interrupt())])
    assert status == 0
    assert "web | \ufffd\ufffd" in lines


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    together(part("web", POLITE), acts=[("| up", 1, interrupt())])
    assert signal.getsignal(signal.SIGINT) is before


def test_parts_do_not_outlive_a_supervisor_that_is_killed():
    supervisor = f"""
        import os, sys
        from pipeline.supervise import Part, run_together
        run_together([Part("web", (sys.executable, "-c", {POLITE!r}))], environment=dict(os.environ))
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(supervisor)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "web | up\n"
    child = int(subprocess.check_output(["pgrep", "--parent", str(process.pid)], text=True))
    descriptor = os.pidfd_open(child)
    process.kill()
    process.wait()
    process.stdout.close()
    assert select.select([descriptor], [], [], 30)[0], "the part is still there"
    os.close(descriptor)


def test_a_procfile_is_names_and_commands():
    text = "# comment\nweb: pressrun web --host '127.0.0.1'\n\nbeat:pressrun beat\n"
    assert read_procfile(text) == {"web": ("pressrun", "web", "--host", "127.0.0.1"), "beat": ("pressrun", "beat")}


def test_a_part_that_asks_for_it_is_started_again_and_the_others_go_on(tmp_path):
    mark = tmp_path / "once"
    deaf = f"""
    import pathlib, sys
    once = pathlib.Path({str(mark)!r})
    if not once.exists():
        once.touch()
        sys.exit(75)
    """ + textwrap.indent(textwrap.dedent(POLITE), "    ")
    status, said = together(part("worker", deaf), part("web", POLITE), acts=[("| up", 2, interrupt())])
    assert status == 0
    assert "up     | worker asked to be started again." in said
    assert sorted(line for line in said if "bye" in line) == ["web    | bye", "worker | bye"]
