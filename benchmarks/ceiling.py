"""What single steps cost on this machine, alone: the cipher through the same library, and the signature check."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.authorization import one_authorization
from benchmarks.quotas import one_take
from benchmarks.signed import PLAINTEXT_BYTES, Access, encrypt_pool
from strongroom.base.context import Origin
from strongroom.crypto.aead import DerivedKeyAead
from strongroom.wire.http import HttpRequest
from strongroom.wire.sigv4 import Credential, SigningRules, Verifier

CIPHER_STEP = f"KMS ciphertext: fresh key each, {PLAINTEXT_BYTES} bytes"
REPEATS = 5
REPEAT_SECONDS = 0.05
AAD = b"tenant=0123456789abcdef;purpose=benchmark"


@dataclass(frozen=True, slots=True)
class Cost:
    """One step: microseconds each time, and how many bytes it works on (zero: not a matter of bytes)."""

    step: str
    microseconds: float
    size_bytes: int = 0

    @property
    def gigabytes_per_second(self) -> float:
        """Bytes over time, in units of 10^9."""
        return self.size_bytes / self.microseconds / 1e3


def microseconds(step: Callable[[], object]) -> float:
    """Return the median over five repeats of about 50 ms of the CPU time that one call takes."""
    count = 1
    while True:
        begin = time.thread_time()
        for _ in range(count):
            step()
        if (taken := time.thread_time() - begin) > REPEAT_SECONDS / 4:
            break
        count *= 4
    count = max(1, int(count * REPEAT_SECONDS / taken))
    figures = []
    for _ in range(REPEATS):
        begin = time.thread_time()
        for _ in range(count):
            step()
        figures.append((time.thread_time() - begin) / count * 1e6)
    return median(figures)


def _aes_gcm(size_bytes: int) -> Cost:
    """AES-256-GCM under one key that stands, into a buffer used again; the nonce is constant, for nobody sees it."""
    cipher, nonce, text = AESGCM(os.urandom(32)), os.urandom(12), os.urandom(size_bytes)
    buffer = bytearray(size_bytes + 16)
    cost = microseconds(lambda: cipher.encrypt_into(nonce, text, AAD, buffer))
    return Cost(f"AES-256-GCM, {size_bytes:,} bytes", cost, size_bytes)


def _signature() -> Cost:
    """Checking the signature of an Encrypt request whose headers are parsed already; the signing key is remembered."""
    secret = "none but this benchmark knows it"
    access = Access("http://127.0.0.1:4566", "AKIAIOSFODNN7EXAMPLE", secret)
    head, _, body = encrypt_pool(access, "alias/benchmark", requests=1).wire[0].partition(b"\r\n\r\n")
    pairs = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
    headers = [(name.lower(), value) for name, value in pairs]
    origin = Origin("", 0.0, "127.0.0.1", False)
    verifier, rules = Verifier(), SigningRules("kms")
    credential = Credential(access.access_key_id, secret, None)

    def check() -> None:
        request = HttpRequest("POST", b"/", b"", headers, origin)
        verifier.verify(request, body, lambda _key, _token: credential, time.time(), rules)

    return Cost("Signature of a request, checked", microseconds(check))


def measure() -> list[Cost]:
    """Return the costs of the cipher, bare and as KMS uses it, and of the checks that each request passes."""
    costs = [_aes_gcm(size) for size in (PLAINTEXT_BYTES, 4096, 2**20)]
    aead, text = DerivedKeyAead(os.urandom(32)), os.urandom(PLAINTEXT_BYTES)
    blob = aead.encrypt(text, AAD)
    costs.append(Cost(CIPHER_STEP, microseconds(lambda: aead.encrypt(text, AAD))))
    costs.append(Cost(f"KMS ciphertext: open, {PLAINTEXT_BYTES} bytes", microseconds(lambda: aead.decrypt(blob, AAD))))
    costs.append(_signature())
    costs.append(Cost("Authorisation: 5 policies of 10 statements", microseconds(one_authorization())))
    costs.append(Cost("Authorisation: the same, decided anew", microseconds(one_authorization(anew=True))))
    for is_shared, whose in ((False, "one server"), (True, "servers that share")):
        with one_take(is_shared=is_shared) as take:
            costs.append(Cost(f"Request counted against its quota, {whose}", microseconds(take)))
    return costs
