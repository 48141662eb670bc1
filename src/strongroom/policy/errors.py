"""What goes wrong when a policy document is read."""


class PolicySyntaxError(ValueError):
    """A document is not a policy of the wanted kind. The message is one sentence for people, naming the statement.

    Services turn it into their own error (`MalformedPolicyDocument`, `MalformedPolicyDocumentException`,
    `MalformedPolicy`).
    """
