"""Envelopes in, one true result for each of them out: the conversation with a relay that is ready for mail.

Where the relay offers PIPELINING (RFC 2920), the end of one message and the commands of the next travel together,
`body . MAIL RCPT DATA` in one write and then four replies, so that a message costs one round trip. DATA is always
the last command of a write, so a body is only written once its envelope has been accepted. Elsewhere the same steps
are taken one at a time.

No reply is believed out of turn. When one comes that its command cannot have caused, replies may have shifted by
one: the connection is given up, and the verdict on the message answered just before stands only if the reply after
it would have said the same.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from pipeline.delivery.envelope import Envelope, Result, Verdict
from pipeline.delivery.smtp.commands import Commands, Extensions, commands
from pipeline.delivery.smtp.wire import LostError, OutOfTurnError, Reply, Timeouts, Wire

_SHUTTING_DOWN: Final = 421
_GO_AHEAD: Final = 354
_ANSWERS: Final = (2, 4, 5)  # first digits
_ALL_YES: Final = re.compile(rb"2\d\d[ \r][^\n]*\n" * 2 + rb"354[ \r][^\n]*\n")
"""What MAIL, RCPT and DATA are nearly always answered with, in one piece: read at once, and not line by line."""
_LAST_WORDS: Final = 1.0  # seconds to hear why a relay hung up on us
_VERDICTS: Final = {2: Verdict.ACCEPTED, 4: Verdict.DEFERRED, 5: Verdict.REJECTED}


class _Step(NamedTuple):
    """Something to write that the relay answers with one reply."""

    command: str
    octets: tuple[bytes, ...]
    timeout: float
    expects: tuple[int, ...] = _ANSWERS
    """What can be its answer: first digits, or whole codes."""
    body_of: int | None = None
    """The position of the envelope whose message this is."""

    @property
    def size(self) -> int:
        return sum(map(len, self.octets))

    @property
    def ends_a_message(self) -> bool:
        return self.command in {".", "RSET"}

    def may_be_answered_by(self, reply: Reply) -> bool:
        return reply.kind in self.expects or reply.code in self.expects


class _EndedError(Exception):
    """The connection is of no more use; the argument says why. Internal."""


class Exchange:
    """One round of sending. Use once."""

    def __init__(
        self, wire: Wire, extensions: Extensions, timeouts: Timeouts, *, may_start: Callable[[], bool]
    ) -> None:
        self._wire, self._extensions, self._timeouts, self._may_start = wire, extensions, timeouts, may_start
        self._pipelined = "PIPELINING" in extensions
        self._envelopes: Sequence[Envelope] = ()
        self._results: dict[int, Result] = {}
        self._turn = 0
        """The position of the envelope that is being offered."""
        self._heard: list[tuple[_Step, Reply]] = []
        """What a shift of replies would touch: all since the last message was finished."""
        self._data = _Step("DATA", (b"DATA\r\n",), timeouts.data, expects=(_GO_AHEAD, 4, 5))
        self._reset = _Step("RSET", (b"RSET\r\n",), timeouts.command, expects=(2,))
        self._lone_dot = _Step("RSET", (b".\r\n",), timeouts.dot)
        self._nothing = _Step("", (), _LAST_WORDS, expects=())
        self._asked = False
        """All of the steps were written, and the relay has them."""
        self.is_over = False
        """The connection is of no more use."""

    def run(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """One result per envelope, in order."""
        self._envelopes, why = envelopes, ""
        try:
            self._check_silence()
            self._hand_over()
        except _EndedError as ended:
            self.is_over, why = True, str(ended)
        return [self._results.get(i) or never_begun(e, why) for i, e in enumerate(envelopes)]

    def _check_silence(self) -> None:
        """A relay that spoke since the last round, or hung up, would shift every reply of this one."""
        try:
            unasked = self._wire.overhear()
        except LostError as error:
            raise _EndedError(str(error)) from error
        if unasked:
            said = unasked[:200].decode("ascii", "backslashreplace").strip()
            raise _EndedError(f"the relay spoke without being asked: {said}")

    def _hand_over(self) -> None:
        end: tuple[_Step, ...] = ()  # what the envelope before has yet to write: its message, or a way out
        for position, envelope in enumerate(self._envelopes):
            self._turn = position
            made = commands(envelope, self._extensions)
            if isinstance(made, Result):
                self._results[position] = made
            else:
                end = (self._offer(end, envelope, made),)
        self._turn = len(self._envelopes)
        for _ in self._replies(end):
            pass

    def _offer(self, end: tuple[_Step, ...], envelope: Envelope, made: Commands) -> _Step:
        """Finish the envelope before and offer this one. Gives back how this one is to be finished."""
        mail = _Step("MAIL", (made.mail,), self._timeouts.command)
        rcpt = _Step("RCPT", (made.rcpt,), self._timeouts.command)
        refused = go_ahead = False
        for step, reply in self._replies((*end, mail, rcpt, self._data)):
            if step.ends_a_message:
                if go_ahead := self._asked and self._wire.take(_ALL_YES):
                    break
                continue
            if refused and step is rcpt and reply.kind == 2:
                raise self._out_of_turn(step, reply)
            if reply.kind > 3 and not refused:
                refused = True
                self._note(step, _VERDICTS[reply.kind], reply)
            if refused and not self._pipelined:
                return self._reset
            go_ahead = reply.code == _GO_AHEAD
        if refused:  # RFC 2920 section 3.1: a relay may go ahead all the same, and then wants its dot
            return self._lone_dot if go_ahead else self._reset
        if not self._may_start():
            raise _EndedError("sending was stopped")
        return _Step(".", (envelope.wire, b".\r\n"), self._timeouts.dot, body_of=self._turn)

    def _replies(self, steps: tuple[_Step, ...]) -> Iterator[tuple[_Step, Reply]]:
        """Take the steps, in one write or one by one, and give the reply to each."""
        self._heard = []
        for group in [steps] if self._pipelined else [(step,) for step in steps]:
            octets = [piece for step in group for piece in step.octets]
            taken = self._wire.write(octets, self._timeouts.block)
            all_of_it = taken == sum(map(len, octets))
            self._asked = all_of_it and self._pipelined
            for step in group:
                taken -= 0 if all_of_it else step.size
                yield step, self._hear(step, whole=all_of_it or taken >= 0)
            if self._wire.has_more:
                self._hear(self._nothing, whole=True)

    def _hear(self, step: _Step, *, whole: bool) -> Reply:
        """The reply to a step of which the network took the whole, or else the relay's last words."""
        try:
            reply = self._wire.read(step.timeout if whole else _LAST_WORDS)
        except LostError as error:
            in_doubt = whole and step.body_of is not None
            self._note(step, Verdict.UNCERTAIN if in_doubt else Verdict.UNSENT, str(error))
            if isinstance(error, OutOfTurnError):
                self._distrust()
            raise _EndedError(str(error)) from error
        self._heard.append((step, reply))
        if reply.code == _SHUTTING_DOWN or not whole:
            refusal = step.body_of is not None and reply.kind > 3
            self._note(step, _VERDICTS[reply.kind] if refusal else Verdict.UNSENT, reply)
            raise _EndedError(f"the relay ended the connection: {reply.text}")
        if not step.may_be_answered_by(reply):
            raise self._out_of_turn(step, reply)
        if step.body_of is not None:
            self._note(step, _VERDICTS[reply.kind], reply)
        return reply

    def _out_of_turn(self, step: _Step, reply: Reply) -> _EndedError:
        why = f"the relay answered {step.command or 'nothing'} with {reply.text}"
        self._distrust()
        self._note(step, Verdict.UNSENT if step.body_of is None else Verdict.UNCERTAIN, why)
        return _EndedError(why)

    def _distrust(self) -> None:
        """Each reply may have been the one after it: withdraw what would then not be true."""
        self._results.pop(self._turn, None)
        for step, reply in self._heard[:1]:
            confirmed = len(self._heard) > 1 and self._heard[1][1].kind == reply.kind
            if step.body_of is not None and not confirmed:
                self._note(step, Verdict.UNCERTAIN, reply)

    def _note(self, step: _Step, verdict: Verdict, said: Reply | str) -> None:
        """Enter a verdict. That nothing was sent never takes the place of a refusal heard before."""
        position = self._turn if step.body_of is None else step.body_of
        if position == len(self._envelopes) or (verdict is Verdict.UNSENT and position in self._results):
            return
        key = self._envelopes[position].key
        if isinstance(said, Reply):
            result = Result(key, verdict, said.code, said.enhanced, said.text, step.command)
        else:
            asked = "the message" if step.body_of is not None else step.command or "nothing"
            text = f"Waiting for the answer to {asked}: {said}."
            result = Result(key, verdict, None, "", text, step.command)
        self._results[position] = result


def never_begun(envelope: Envelope, why: str) -> Result:
    """The result for an envelope whose turn did not come."""
    return Result(envelope.key, Verdict.UNSENT, None, "", f"Its turn did not come: {why}.", "")
