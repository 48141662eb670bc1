"""What S3 alone does over HTTP: buckets in host names, operations in sub-resources, signatures that cover a stream.

The parts know no operation's meaning, like all of `wire`. `address` and `operations` find out what is asked,
`signature` who asks; `payload` hands the body on as it arrives; `form` is the browser's way of all this in one; and
`protocol` turns requests into params and answers into bytes.
"""
