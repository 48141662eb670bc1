"""GenerateMac and VerifyMac. Source: AWS KMS API Reference; AWS KMS Developer Guide, "HMAC keys in AWS KMS"."""

from strongroom.crypto.mac import InvalidMac
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.key_specs import GENERATE_VERIFY_MAC
from strongroom.services.kms.last_usage import LastUsages
from strongroom.services.kms.request_members import end_dry_run
from strongroom.services.kms.service import KMS, cryptographic_quota
from strongroom.services.kms.use import use_of_key


@operation(KMS, "GenerateMac", needs=use_of_key("kms:GenerateMac"), quota=cryptographic_quota, reads_only=True)
async def generate_mac(call: Call) -> Answer:
    """Authenticate a message of up to 4,096 bytes. Source: AWS KMS API Reference, GenerateMac."""
    key, params = call.target, call.params
    algorithm = params["MacAlgorithm"]
    key.must_be_usable_for(GENERATE_VERIFY_MAC, "GenerateMac")
    key.must_know(algorithm)
    mac_key = key.mac_material().mac_key
    end_dry_run(params)
    mac = mac_key.digest(params["Message"])
    call.house.part(LastUsages).note(call, key)
    return {"Mac": mac, "MacAlgorithm": algorithm, "KeyId": key.arn}


@operation(KMS, "VerifyMac", needs=use_of_key("kms:VerifyMac"), quota=cryptographic_quota, reads_only=True)
async def verify_mac(call: Call) -> Answer:
    """Verify an HMAC: a wrong one raises KMSInvalidMacException. Source: AWS KMS API Reference, VerifyMac."""
    key, params = call.target, call.params
    algorithm = params["MacAlgorithm"]
    key.must_be_usable_for(GENERATE_VERIFY_MAC, "VerifyMac")
    key.must_know(algorithm)
    mac_key = key.mac_material().mac_key
    end_dry_run(params)
    try:
        mac_key.verify(params["Mac"], params["Message"])
    except InvalidMac:
        raise errors.invalid_mac() from None
    call.house.part(LastUsages).note(call, key)
    return {"KeyId": key.arn, "MacValid": True, "MacAlgorithm": algorithm}
