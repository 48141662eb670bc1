"""The rows of the tour, one a file, in the order in which they are walked through."""

from strongroom.tour.row import Row
from strongroom.tour.rows import at_rest, forced_kms, forced_tls, in_flight, objects

ROWS = (
    Row("M1", "Encryption in flight", in_flight.show),
    Row("M2", "Encryption at rest", at_rest.show),
    Row("M7", "S3: four ways to encrypt an object", objects.show),
    Row("M8", "Force TLS by bucket policy, and the trap in it", forced_tls.show),
    Row("M9", "Force SSE-KMS by bucket policy", forced_kms.show),
)

AFTERWARDS = Row("end", "Afterwards: nothing of it lies in the clear", at_rest.search_everything)
