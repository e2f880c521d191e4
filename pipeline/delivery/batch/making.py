"""Makes a batch's messages, and tells a person's own trouble from a proof that is of no use to anybody."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from django.db import DatabaseError

from pipeline import transitions
from pipeline.content.types import ContentError
from pipeline.delivery.batch import wires
from pipeline.delivery.envelope import Envelope
from pipeline.models import Send, SendProof
from pipeline.transitions import Claimed

logger = logging.getLogger(__name__)
HOPELESS_AT: Final = 20
"""So many whose message could not be made, and nobody whose could, are no trouble of theirs."""


def require_proofs(send: Send) -> None:
    """Raises ContentError where this version of Pressrun cannot read a proof of the send."""
    for proof_hash in SendProof.objects.filter(send=send).values_list("proof_id", flat=True):
        wires.segments(proof_hash)


class Maker:
    """Whoever has no message is rejected once somebody else with the same proof has one, or all were tried."""

    def __init__(self, send: Send, id_fields: Sequence[str] = ()) -> None:
        self._send, self._id_fields = send, id_fields
        self._good: set[str] = set()
        """Proofs that a message was made of."""
        self._without: dict[str, list[tuple[Claimed, str]]] = defaultdict(list)
        """Proof → those who have no message, and why. They are still claimed."""

    def try_to_make(self, one: Claimed) -> Envelope | None:
        """The message, or None where it cannot be made."""
        try:
            made = self.make(one)
        except ContentError as error:
            self._failed(one, str(error))
        except DatabaseError:
            raise
        except Exception:
            # A defect of ours, perhaps with this one person; everybody else shall still get their mail.
            logger.exception("no message could be made for delivery %s-%s", self._send.pk, one.id)
            self._failed(one, "a defect; the worker's log has more")
        else:
            if one.proof_hash not in self._good:
                self._good.add(one.proof_hash)
                self._reject(one.proof_hash)
            return made
        return None

    def make(self, one: Claimed) -> Envelope:
        """The message; raises what comes in its way."""
        made = wires.envelope(self._send.newsletter, self._send.pk, one)
        return wires.with_id_fields(made, self._id_fields, self._send.pk, one.id) if self._id_fields else made

    def hopeless(self) -> str:
        """Why nothing is to be expected of a proof any more, in words for a person; or nothing."""
        for failed in self._without.values():
            if len(failed) >= HOPELESS_AT:
                return (
                    f"No message can be made of this issue: {failed[-1][1]}. It was so for each of the first "
                    f"{len(failed)} people. Nobody was refused for it, and whoever has not been written to waits. If "
                    "workers of different versions run, bring them to the same one; then resume."
                )
        return ""

    def close(self) -> None:
        """All were tried: reject those who are left, unless it is the proof."""
        if not self.hopeless():
            for proof_hash in list(self._without):
                self._reject(proof_hash)

    def _failed(self, one: Claimed, why: str) -> None:
        self._without[one.proof_hash].append((one, why))
        if one.proof_hash in self._good:
            self._reject(one.proof_hash)

    def _reject(self, proof_hash: str) -> None:
        for one, why in self._without.get(proof_hash, ()):
            transitions.reject_unrenderable(self._send.pk, one, why=why)
        self._without.pop(proof_hash, None)
