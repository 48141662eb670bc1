"""M10: a bucket key stands in for calls to KMS: counted in the audit trail."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from strongroom.tour.trail import count_calls, events
from strongroom.tour.visit import NO_ERROR, Visit

PUTS = 100
_THREADS = 4
_HANDFUL = 5


def show(visit: Visit) -> None:
    """Put the same objects with and without a bucket key, and count what KMS was asked."""
    counts: dict[bool, int] = {}
    arns: dict[bool, str] = {}
    for enabled, least in ((True, 1), (False, PUTS)):
        bucket = f"bucket-key-{'on' if enabled else 'off'}"
        arn = arns[enabled] = visit.aws("kms", "CreateKey", query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
        visit.aws("s3", "CreateBucket", Bucket=bucket, query="Location")
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn},
            "BucketKeyEnabled": enabled,
        }
        visit.aws("s3", "PutBucketEncryption", Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        _put(visit, bucket)
        seen = visit.error_of("s3", "HeadObject", Bucket=bucket, Key="0", query="[SSEKMSKeyId,BucketKeyEnabled]")
        visit.prove(f"bucket key {'on' if enabled else 'off'}: the objects are there", expected=NO_ERROR, seen=seen)
        counts[enabled] = count_calls(visit, "GenerateDataKey", arn, least)
    visit.prove(f"without, KMS is asked once for each of {PUTS} objects", expected=PUTS, seen=counts[False])
    visit.prove_that(
        f"with a bucket key, {counts[True]} instead of {PUTS} calls",
        1 <= counts[True] <= _HANDFUL,
        expected=f"from 1 to {_HANDFUL}",
        seen=counts[True],
    )
    visit.say("The encryption context is the bucket's ARN instead of the object's:")
    contexts = [_contexts(visit, arns[enabled]) for enabled in (True, False)]
    visit.note(
        f"aws cloudtrail lookup-events --lookup-attributes AttributeKey=ResourceName,AttributeValue={arns[True]} \\\n"
        "    --query 'Events[0].CloudTrailEvent' --output text | jq .requestParameters.encryptionContext",
        f'{{"aws:s3:arn": "{next(iter(contexts[0]))}"}}',
    )
    visit.prove("with: the bucket", expected={"arn:aws:s3:::bucket-key-on"}, seen=contexts[0])
    one_each = {f"arn:aws:s3:::bucket-key-off/{number}" for number in range(PUTS)}
    visit.prove_that("without: each object", contexts[1] == one_each, expected=f"{PUTS} ARNs", seen=f"{len(contexts[1])} ARNs")


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


def _contexts(visit: Visit, key_arn: str) -> set[str]:
    import json

    found = set()
    for event in events(visit, "ResourceName", key_arn):
        told = json.loads(event["CloudTrailEvent"])
        if told["eventName"] == "GenerateDataKey":
            found.add(told["requestParameters"]["encryptionContext"]["aws:s3:arn"])
    return found
