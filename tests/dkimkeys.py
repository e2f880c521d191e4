"""Keys for tests of signatures, made once, and dkimpy as the verifier that others wrote."""

from functools import cache

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.delivery.dkim import Key, Private


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def pem(private: Private) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def verified(wire: bytes, *records: tuple[str, str]) -> list[bool]:
    """What dkimpy says of each signature from the top, given (name, text) of TXT records."""
    known = {f"{name}.".encode(): text.encode() for name, text in records}
    count = wire.partition(b"\r\n\r\n")[0].lower().count(b"dkim-signature:")
    return [verdict(wire, known, number) for number in range(count)]


def verdict(wire: bytes, known: dict[bytes, bytes], number: int) -> bool:
    try:
        return dkimpy.DKIM(wire).verify(idx=number, dnsfunc=lambda name, **_: known.get(name))
    except dkimpy.DKIMException:
        return False


def verifies(wire: bytes, *keys: Key) -> list[bool]:
    return verified(wire, *[(key.place, key.record()) for key in keys])
