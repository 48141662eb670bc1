"""The message format of the AWS Encryption SDK, read and written.

Source: AWS Encryption SDK Developer Guide, "AWS Encryption SDK message format reference".
"""
