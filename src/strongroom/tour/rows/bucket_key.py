"""M10: a bucket key stands in for calls to KMS: counted in the audit trail."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from strongroom.tour.trail import KeyTrail, count_calls
from strongroom.tour.visit import Visit

PUTS = 100
_THREADS = 4
_HANDFUL = 5


def show(visit: Visit) -> None:
    """Put the same objects with and without a bucket key, and count what KMS was asked."""
    trails: dict[bool, KeyTrail] = {}
    for enabled in (True, False):
        bucket = f"bucket-key-{'on' if enabled else 'off'}"
        arn = visit.aws("kms", "CreateKey", query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
        visit.aws("s3", "CreateBucket", Bucket=bucket, query="Location")
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn},
            "BucketKeyEnabled": enabled,
        }
        visit.aws("s3", "PutBucketEncryption", Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        _put(visit, bucket)
        seen = visit.aws("s3", "HeadObject", Bucket=bucket, Key="0", query="[SSEKMSKeyId,BucketKeyEnabled]")
        visit.prove(
            f"bucket key {'on' if enabled else 'off'}: the objects are under the KMS key",
            expected=[arn, enabled],
            seen=[seen.get("SSEKMSKeyId"), seen.get("BucketKeyEnabled", False)],
        )
        trails[enabled] = count_calls(visit, "GenerateDataKey", arn)
    counts = {enabled: len(trail.of("GenerateDataKey")) for enabled, trail in trails.items()}
    visit.prove(f"without, KMS is asked once for each of {PUTS} objects", expected=PUTS, seen=counts[False])
    visit.prove_that(
        f"with a bucket key, KMS is asked {counts[True]} time{'s' if counts[True] != 1 else ''} instead of {PUTS}",
        1 <= counts[True] <= _HANDFUL,
        expected=f"from 1 to {_HANDFUL}",
        seen=counts[True],
    )
    visit.say("The encryption context is the bucket's ARN instead of the object's, as the same events tell:")
    contexts = {enabled: _contexts(trail) for enabled, trail in trails.items()}
    visit.prove("with: the bucket", expected=["arn:aws:s3:::bucket-key-on"], seen=sorted(contexts[True]))
    one_each = {f"arn:aws:s3:::bucket-key-off/{number}" for number in range(PUTS)}
    visit.prove_that(
        f"without: each of the {PUTS} objects",
        contexts[False] == one_each,
        expected=f"{PUTS} ARNs",
        seen=f"{len(contexts[False])} ARNs",
    )


def _put(visit: Visit, bucket: str) -> None:
    client = visit.clients.client("s3")
    body = visit.canary.secret("object").encode()

    def put(number: int) -> Any:
        visit.must_go_on()
        return client.put_object(Bucket=bucket, Key=str(number), Body=body)

    visit.note(f"printf %s {body.decode()} > note.txt")
    visit.note(
        f"for n in $(seq 0 {PUTS - 1}); do aws s3api put-object --bucket {bucket} --key $n --body note.txt; done",
        f"({PUTS} answers)",
    )
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(put, range(PUTS)))


def _contexts(trail: KeyTrail) -> set[str]:
    return {call["requestParameters"]["encryptionContext"]["aws:s3:arn"] for call in trail.of("GenerateDataKey")}
