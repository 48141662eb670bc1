"""The IAM policy language as a pure function of data: documents and a request in, a decision and its reasons out.

Read in this order: `document` (JSON text to compiled statements), `evaluate` (layers of policies to one decision),
`explain` (why), `denial` (AWS's sentence for a refusal). Nothing here does I/O or knows a service.
Source: IAM User Guide, "IAM JSON policy reference" and "Policy evaluation logic".
"""
