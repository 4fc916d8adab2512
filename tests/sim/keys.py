"""Keys whose signatures are hashes: as fast as a simulation needs, and nobody is given another's."""

from hashlib import sha512


class StubKey:
    """A key of a simulation."""

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes that belong to this key and message."""
        return sha512(self.public_key + message).digest()


def stub_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether ``StubKey`` made a signature."""
    return sha512(public_key + message).digest() == signature
