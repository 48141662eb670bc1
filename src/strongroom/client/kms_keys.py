"""KMS keys that messages are encrypted under: what makes data keys for writing, and opens them for reading.

Source: AWS Encryption SDK Developer Guide, "AWS KMS keyrings", "AWS KMS discovery keyrings" and "Using multi-Region AWS
KMS keys".
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from strongroom.base.arn import Arn, parse_arn
from strongroom.client.backoff import is_passing
from strongroom.client.errors import NoUsableKey, Refusal, UnexpectedAnswer
from strongroom.client.kms_calls import KmsCall, KmsCalls, Steps
from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials
from strongroom.client.messages.signature import signed_context
from strongroom.client.turns import OutOfPatience

ENCRYPTED_DATA_KEYS_MAX = 16

# It becomes part of a host name: a message must not choose where its reader connects to.
_REGION = re.compile(r"[a-z]{2,8}(-[a-z]{2,16}){1,3}-[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Discovery:
    """Lets a message name the KMS key that opens it, within limits. Our permissions decide then what it opens with.

    `accounts` are ids of the accounts whose keys may be used, None for any. `partition` is `aws`, `aws-cn` ...
    """

    accounts: frozenset[str] | None = None
    partition: str = "aws"

    def allows(self, arn: Arn) -> bool:
        """Return whether a message's key may be asked."""
        return arn.partition == self.partition and (self.accounts is None or arn.account_id in self.accounts)


class KmsKeys:
    """The keys that an application encrypts under, and those that it decrypts with. Immutable.

    `encrypting` are key ARNs, key ids, alias ARNs or alias names; the first one generates each data key, the others
    encrypt it as well, and any one opens the message. A key is asked in the Region of its ARN, else in the session's.
    Messages are opened with the same keys, or with any that `discovery` allows; multi-Region keys open what a related
    key encrypted. A message with more than `encrypted_data_keys_max` encrypted data keys is refused before any call.
    Raises ValueError for what names no key, and when there is neither a key nor discovery.
    """

    __slots__ = ("_encrypting", "_grant_tokens", "discovery", "encrypted_data_keys_max")

    def __init__(
        self,
        encrypting: Iterable[str] = (),
        *,
        discovery: Discovery | None = None,
        grant_tokens: Iterable[str] = (),
        encrypted_data_keys_max: int = ENCRYPTED_DATA_KEYS_MAX,
    ) -> None:
        names = [encrypting] if isinstance(encrypting, str) else encrypting
        self._encrypting = tuple(_KeyName.of(name) for name in names)
        self._grant_tokens = list(grant_tokens)
        self.discovery = discovery
        self.encrypted_data_keys_max = encrypted_data_keys_max
        if not self._encrypting and discovery is None:
            raise ValueError("name a KMS key to encrypt under, or allow discovery to decrypt")
        if len(self._encrypting) > encrypted_data_keys_max:
            raise ValueError(f"a message is encrypted under at most {encrypted_data_keys_max} keys")

    def __repr__(self) -> str:
        names = [name.text for name in self._encrypting]
        return f"KmsKeys({names}, discovery={self.discovery})"

    def encryption_materials(
        self, calls: KmsCalls, suite: AlgorithmSuite, context: Mapping[str, str]
    ) -> EncryptionMaterials:
        """Return a fresh data key, encrypted under every key: one call for each. See `encryption_steps`."""
        return calls.run(self.encryption_steps(suite, context))

    def decryption_materials(
        self,
        calls: KmsCalls,
        suite: AlgorithmSuite,
        encrypted_data_keys: Sequence[EncryptedDataKey],
        context: Mapping[str, str],
    ) -> DecryptionMaterials:
        """Return the data key of a message. See `decryption_steps`."""
        return calls.run(self.decryption_steps(suite, encrypted_data_keys, context))

    def encryption_steps(self, suite: AlgorithmSuite, context: Mapping[str, str]) -> Steps[EncryptionMaterials]:
        """Yield the calls that make a data key: GenerateDataKey under the first key, Encrypt under each other.

        Raises ValueError when there is no key to encrypt under and for a context that names what is reserved,
        UnexpectedAnswer, and the calls' errors.
        """
        if not self._encrypting:
            raise ValueError("there is no KMS key to encrypt under")
        whole, signing_key = signed_context(suite, context)
        first, *others = self._encrypting
        answer = yield self._call(first, "GenerateDataKey", whole, NumberOfBytes=suite.data_key_bytes)
        data_key = bytearray(answer["Plaintext"])
        try:
            if len(data_key) != suite.data_key_bytes:
                raise UnexpectedAnswer("KMS generated a data key of another length")
            encrypted = [_encrypted_by(answer)]
            for name in others:
                answer = yield self._call(name, "Encrypt", whole, Plaintext=bytes(data_key))
                encrypted.append(_encrypted_by(answer))
            return EncryptionMaterials(suite, data_key, tuple(encrypted), whole, signing_key)
        except BaseException:
            # Also when the one who asked gave up, which ends a generator with an exception.
            data_key[:] = bytes(len(data_key))
            raise

    def decryption_steps(
        self, suite: AlgorithmSuite, encrypted_data_keys: Sequence[EncryptedDataKey], context: Mapping[str, str]
    ) -> Steps[DecryptionMaterials]:
        """Yield Decrypt for each encrypted data key that our keys may open, until one does.

        `context` is the header's whole encryption context. Each is asked once, in turn, and then those that failed in
        passing are asked again, turn after turn, with one patience for all of them: a Region that does not answer holds
        up nobody who has another one, and a message that names many holds up nobody for long. Raises NoUsableKey.
        """
        if len(encrypted_data_keys) > self.encrypted_data_keys_max:
            told = f"the message has more than {self.encrypted_data_keys_max} encrypted data keys"
            raise NoUsableKey((Refusal("all", told),))
        refusals: dict[_Candidate, str] = {}
        cause: Exception | None = None
        waiting = deque((candidate, 0) for candidate in self._candidates(encrypted_data_keys))
        while waiting:
            candidate, turn = waiting.popleft()
            call = self._call(candidate.name, "Decrypt", context, CiphertextBlob=candidate.encrypted.ciphertext)
            try:
                answer = yield replace(call, turn=turn, is_claimed=candidate.is_claimed)
            except OutOfPatience:
                break
            except (ClientError, BotoCoreError) as error:
                refusals[candidate], cause = _reason(error), error
                if is_passing(error):
                    waiting.append((candidate, turn + 1))
                continue
            wrong = candidate.wrong_with(answer, suite)
            if wrong is None:
                return DecryptionMaterials(bytearray(answer["Plaintext"]), candidate.encrypted)
            refusals[candidate] = wrong
        told_of = tuple(Refusal(str(candidate.arn), reason) for candidate, reason in refusals.items())
        raise NoUsableKey(told_of) from cause

    def _candidates(self, encrypted_data_keys: Sequence[EncryptedDataKey]) -> "Iterator[_Candidate]":
        for encrypted in encrypted_data_keys:
            arn = _arn_of(encrypted)
            if arn is None:
                continue
            for name in self._encrypting:
                if name.may_be(arn):
                    yield _Candidate(encrypted, arn, name, is_claimed=False)
            if self.discovery is not None and self.discovery.allows(arn):
                found = _KeyName(str(arn), arn)
                if found not in self._encrypting:
                    yield _Candidate(encrypted, arn, found, is_claimed=True)

    def _call(self, name: "_KeyName", operation: Any, context: Mapping[str, str], **parameters: Any) -> KmsCall:
        parameters |= {"KeyId": name.text, "EncryptionContext": dict(context)}
        if self._grant_tokens:
            parameters["GrantTokens"] = self._grant_tokens
        return KmsCall(name.arn.region if name.arn else None, operation, parameters)


class _KeyName(NamedTuple):
    """What the caller calls a key: an ARN, which says its Region, or a key id or alias of the session's Region."""

    text: str
    arn: Arn | None

    @classmethod
    def of(cls, text: str) -> "_KeyName":
        if not text.startswith("arn:"):
            if not text or ":" in text or ("/" in text and not text.startswith("alias/")):
                raise ValueError(f"this names no KMS key: {text!r}")
            return cls(text, None)
        arn = _parse(text)
        if arn is None:
            raise ValueError(f"this is no ARN of a KMS key or alias: {text!r}")
        return cls(text, arn)

    def may_be(self, arn: Arn) -> bool:
        """Return whether this may name the key with that ARN. What an alias stands for, KMS alone knows."""
        if self.arn is None:
            return self.text.startswith("alias/") or arn.resource == f"key/{self.text}"
        if self.arn.resource.startswith("alias/"):
            return arn[:4] == self.arn[:4]
        return _are_related(self.arn, arn)


class _Candidate(NamedTuple):
    """What may be tried: an encrypted data key, the ARN that it names, and the key to ask for it.

    `is_claimed` tells whether the message alone says so.
    """

    encrypted: EncryptedDataKey
    arn: Arn
    name: _KeyName
    is_claimed: bool

    def wrong_with(self, answer: Mapping[str, Any], suite: AlgorithmSuite) -> str | None:
        """Return why an answer to Decrypt is not what was asked for; None when it is."""
        answered = parse_arn(answer.get("KeyId", ""))
        if answered is None or not (answered == self.name.arn or _are_related(answered, self.arn)):
            return "KMS decrypted with another key"
        if len(answer["Plaintext"]) != suite.data_key_bytes:
            return "the data key has another length than the algorithm suite's"
        return None


def _are_related(a: Arn, b: Arn) -> bool:
    """Return whether two ARNs name one key, or a multi-Region key and its replica: alike in all but the Region."""
    return a == b or (a.resource.startswith("key/mrk-") and a._replace(region=b.region) == b)


def _parse(text: str) -> Arn | None:
    arn = parse_arn(text)
    if arn is None or arn.service != "kms" or not arn.resource.startswith(("key/", "alias/")):
        return None
    return arn if _REGION.fullmatch(arn.region) and arn.account_id.isdecimal() else None


def _arn_of(encrypted: EncryptedDataKey) -> Arn | None:
    """Return the ARN of the KMS key that encrypted it, or None for what no KMS key did."""
    arn = None if encrypted.kms_key_arn is None else _parse(encrypted.kms_key_arn)
    return arn if arn is not None and arn.resource.startswith("key/") else None


def _encrypted_by(answer: Mapping[str, Any]) -> EncryptedDataKey:
    arn: str = answer.get("KeyId", "")
    if _parse(arn) is None:
        raise UnexpectedAnswer("KMS named no key as the one that it encrypted under")
    return EncryptedDataKey.of_kms(arn, answer["CiphertextBlob"])


def _reason(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown error"))
    return type(error).__name__
