"""The public access block of a whole account: its table, and the operations of S3 Control that change it."""
