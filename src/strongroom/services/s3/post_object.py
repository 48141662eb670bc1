"""PostObject: a browser's upload by a form. What its fields say, a PutObject says in headers; the rest is the same.

Source: Amazon S3 API Reference, POST Object.
"""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3.put_object import needs_of_put_object, store_object
from strongroom.services.s3.service import S3


@operation(S3, "PostObject", needs=needs_of_put_object)
async def post_object(call: Call) -> Answer:
    """Store what a form uploads. Source: Amazon S3 API Reference, POST Object."""
    return await store_object(call)
