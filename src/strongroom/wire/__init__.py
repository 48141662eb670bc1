"""HTTP on one side, plain values on the other.

`route` names the service and the operation, `sigv4` checks the signature (`signers` that of clients seen before), a
module per protocol (`json`, `query`, `rest_json`) turns bytes into params and answers into bytes, all compiled from the
service model. S3 does all of this in a way of its own (`s3`). Nothing here knows what an operation does.
"""
