"""Custom key stores from end to end: boto3, a server, `strongroom xks-proxy`, tokens."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.running_server import RunningServer, running_server
from tests.server.xks_proxy.running_proxy import RunningProxy, running_proxy
from tests.services.kms.key_stores.conftest import made_certificates
from tests.softhsm import PIN, SoftHsm, made_softhsm

from strongroom.services.kms.key_stores.xks_signature import XksCredential

CLUSTER = "cluster-2a2b3c4defg"
CONTEXT = {"purpose": "test"}


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    made = made_softhsm(tmp_path_factory.mktemp("softhsm"))
    made.make_token("external")
    made.make_token("cluster")
    return made


def address_of(proxy: RunningProxy) -> str:
    address = proxy.description().address
    assert address is not None
    return f"localhost=127.0.0.1:{address.port}"


def store_of(credential: XksCredential) -> dict[str, Any]:
    return {
        "CustomKeyStoreName": "elsewhere",
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyUriEndpoint": "https://localhost",
        "XksProxyUriPath": "/kms/xks/v1",
        "XksProxyAuthenticationCredential": {
            "AccessKeyId": credential.access_key_id,
            "RawSecretAccessKey": credential.secret_access_key,
        },
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
    }


def code_of(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**params)
    code: str = refusal.value.response["Error"]["Code"]
    return code


def use_key(kms: Any, key_id: str) -> bytes:
    """Use a key in every way that such a key can be used, and return a ciphertext."""
    blob: bytes = kms.encrypt(KeyId=key_id, Plaintext=b"x" * 4096, EncryptionContext=CONTEXT)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == b"x" * 4096
    data_key = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")
    assert kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    kms.generate_data_key_without_plaintext(KeyId=key_id)
    moved = kms.re_encrypt(CiphertextBlob=data_key["CiphertextBlob"], DestinationKeyId=key_id)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    return blob


def kept_and_logged(server: RunningServer) -> bytes:
    """Return every byte that a server has stored or logged."""
    return b"".join(path.read_bytes() for path in (server.log, *server.data.rglob("*")) if path.is_file())


def test_a_key_that_another_process_keeps_in_a_token(tmp_path: Path, hsm: SoftHsm) -> None:
    token = hsm.options("external", "--xks-pkcs11")
    proxy_options = ("--xks-key-ids", "payroll", "--xks-make-keys", *token)
    with running_proxy(tmp_path / "proxy", *proxy_options, environment=hsm.environment) as proxy:
        options = ("--xks-proxy-addresses", address_of(proxy), "--xks-proxy-ca-bundle", str(proxy.ca))
        options += ("--xks-proxy-milliseconds-max", "20000")
        with running_server(tmp_path, options=options) as server:
            kms = server.client("kms")
            wrong = store_of(XksCredential("A" * 20, "a" * 43))
            assert code_of(kms.create_custom_key_store, **wrong) == "XksProxyIncorrectAuthenticationCredentialException"
            credential = proxy.description().credential
            store_id = kms.create_custom_key_store(**store_of(credential))["CustomKeyStoreId"]
            kms.connect_custom_key_store(CustomKeyStoreId=store_id)
            (entry,) = kms.describe_custom_key_stores()["CustomKeyStores"]
            assert entry["ConnectionState"] == "CONNECTED"
            key_id = kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store_id, XksKeyId="payroll")[
                "KeyMetadata"
            ]["KeyId"]
            blob = use_key(kms, key_id)
            kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
            decrypt = {"CiphertextBlob": blob, "EncryptionContext": CONTEXT}
            assert code_of(kms.decrypt, **decrypt) == "KMSInvalidStateException"
            kms.connect_custom_key_store(CustomKeyStoreId=store_id)
            server.kill()
            server.start()
            kms = server.client("kms")
            assert kms.decrypt(**decrypt)["Plaintext"] == b"x" * 4096
            proxy.stop()
            assert code_of(kms.decrypt, **decrypt) == "KMSInvalidStateException"
            everything = kept_and_logged(server)
            assert credential.secret_access_key.encode() not in everything


def test_a_key_in_a_cluster(tmp_path: Path, hsm: SoftHsm) -> None:
    cluster = f"{CLUSTER}=pkcs11:token=cluster?module-path={hsm.module}"
    trust_anchor = made_certificates(tmp_path, "cluster").authority.read_text()
    options = ("--cloudhsm-clusters", cluster)
    with running_server(tmp_path, options=options, environment=hsm.environment) as server:
        kms = server.client("kms")
        store_id = kms.create_custom_key_store(
            CustomKeyStoreName="hsm",
            CloudHsmClusterId=CLUSTER,
            TrustAnchorCertificate=trust_anchor,
            KeyStorePassword=PIN,
        )["CustomKeyStoreId"]
        assert code_of(kms.create_key, Origin="AWS_CLOUDHSM", CustomKeyStoreId=store_id) == (
            "CustomKeyStoreInvalidStateException"
        )
        kms.connect_custom_key_store(CustomKeyStoreId=store_id)
        metadata = kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store_id)["KeyMetadata"]
        assert metadata["CloudHsmClusterId"] == CLUSTER
        blob = use_key(kms, metadata["KeyId"])
        assert len(kms.generate_random(NumberOfBytes=32, CustomKeyStoreId=store_id)["Plaintext"]) == 32
        server.kill()
        server.start()
        decrypted = server.client("kms").decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        assert decrypted["Plaintext"] == b"x" * 4096
        assert server.stop() == 0, "it logs out, and ends"
        everything = kept_and_logged(server)
        assert PIN.encode() not in everything
