"""The rows of the tour, one a file, in the order in which they are walked through."""

from strongroom.tour.row import Row
from strongroom.tour.rows import (
    at_rest,
    bucket_key,
    builds,
    client_side,
    envelope,
    forced_kms,
    forced_tls,
    held_together,
    in_flight,
    keys,
    log_groups,
    objects,
    parameters,
    quotas,
    rotation,
)

ROWS = (
    Row("M1", "Encryption in flight", in_flight.show),
    Row("M2", "Encryption at rest", at_rest.show),
    Row("M3", "Encryption on the client's side", client_side.show),
    Row("M4", "KMS keys, from their making to their deletion", keys.show),
    Row("M5", "Envelope encryption", envelope.show),
    Row("M6", "KMS limits: throttled, backed off, raised, saved", quotas.show),
    Row("M7", "S3: four ways to encrypt an object", objects.show),
    Row("M8", "Force TLS by bucket policy, and the trap in it", forced_tls.show),
    Row("M9", "Force SSE-KMS by bucket policy", forced_kms.show),
    Row("M10", "S3 bucket keys", bucket_key.show),
    Row("M11", "Parameter Store", parameters.show),
    Row("M12", "Secrets Manager rotates a database's password", rotation.show, is_slow=True),
    Row("M13", "CloudWatch Logs under a KMS key", log_groups.show),
    Row("M14", "CodeBuild, and a database in a private subnet", builds.show, is_slow=True),
    Row("M15", "What holds it together: who, whether, what happened, and a crash", held_together.show),
)

AFTERWARDS = Row("end", "Afterwards: nothing of it lies in the clear", at_rest.search_everything)
