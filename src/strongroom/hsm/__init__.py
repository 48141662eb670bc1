"""Keys in hardware security modules: tokens behind PKCS#11 (OASIS PKCS #11 Specification, version 2.40).

A key here never leaves its token, so bytes go to the key. The room is the only importer of `pkcs11`, an optional
package: whoever imports the room without it is told what to install, so import it where it is needed and not before.
"""

from strongroom.base.errors import OperatorError

try:
    import pkcs11 as _pkcs11  # noqa: F401
except ImportError:
    raise OperatorError(
        "PKCS#11 tokens need the package python-pkcs11, which is not installed: pip install 'strongroom[hsm]'"
    ) from None
