"""Requests to an external key store proxy, signed with Signature Version 4.

Source: AWS KMS External Key Store Proxy API Specification, version 1, "Appendix A".
"""

from dataclasses import dataclass, field

from strongroom.services.kms.key_stores.xks_protocol import SIGNING_NAME


@dataclass(frozen=True, slots=True)
class XksCredential:
    """What KMS signs its requests to a proxy with. It has nothing to do with access keys of IAM."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


class RequestSigner:
    """Signs for one Region with one credential."""

    def __init__(self, credential: XksCredential, region: str) -> None:
        # botocore's signer takes a tenth of a second to import, and most servers never need it.
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        self._request = AWSRequest
        self._signer = SigV4Auth(
            Credentials(credential.access_key_id, credential.secret_access_key), SIGNING_NAME, region
        )

    def signed_post(self, host: str, path: str, body: bytes) -> bytes:
        """Return a POST request of JSON, signed over host, date and body. `path` stands as it is in the URL."""
        request = self._request("POST", f"https://{host}{path}", headers={"Host": host}, data=body)
        self._signer.add_auth(request)
        lines = [
            f"POST {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in request.headers.items()),
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body
