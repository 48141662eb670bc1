"""M11: Parameter Store: kinds, versions, labels, a hierarchy, and two permissions for what is encrypted."""

from typing import Any

from strongroom.tour.callers import Way
from strongroom.tour.command_line import File
from strongroom.tour.visit import NO_ERROR, Visit, allow, statements


def show(visit: Visit) -> None:
    """Store parameters of each kind, find them by path, version and label, and see both permissions asked for."""
    key_arn = visit.aws("kms", "CreateKey", Description="parameters", query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
    secret = visit.canary.secret("password")
    visit.aws("ssm", "PutParameter", Name="/shop/prod/url", Type="String", Value="db.example.com", query="Version")
    visit.aws("ssm", "PutParameter", Name="/shop/prod/zones", Type="StringList", Value="a,b,c", query="Version")
    password = {"Name": "/shop/prod/password", "Type": "SecureString", "KeyId": key_arn}
    visit.aws("ssm", "PutParameter", **password, Value=secret, query="Version")
    sealed = visit.aws("ssm", "GetParameter", Name="/shop/prod/password", query="Parameter.Value")["Parameter"]["Value"]
    visit.prove_that(
        "without --with-decryption a SecureString tells nothing",
        secret not in sealed,
        expected="ciphertext",
        seen=sealed,
    )
    opened = visit.aws("ssm", "GetParameter", Name="/shop/prod/password", WithDecryption=True, query="Parameter.Value")
    visit.prove("with it, its value", expected=secret, seen=opened["Parameter"]["Value"])
    query = "Parameters[].[Name,Type]"
    found = visit.aws("ssm", "GetParametersByPath", Path="/shop", Recursive=True, query=query)["Parameters"]
    names = sorted(each["Name"] for each in found)
    visit.prove(
        "a path finds what is below it",
        expected=[f"/shop/prod/{name}" for name in ("password", "url", "zones")],
        seen=names,
    )
    _versions(visit)
    _permissions(visit, key_arn)


def _versions(visit: Visit) -> None:
    visit.say("Every change is a version; a label names one:")
    url = "/shop/prod/url"
    visit.aws("ssm", "LabelParameterVersion", Name=url, ParameterVersion=1, Labels=["stable"], query="InvalidLabels")
    visit.aws("ssm", "PutParameter", Name=url, Value="new.example.com", Overwrite=True, query="Version")
    for name, expected in (
        (url, "new.example.com"),
        (f"{url}:1", "db.example.com"),
        (f"{url}:stable", "db.example.com"),
    ):
        seen = visit.aws("ssm", "GetParameter", Name=name, query="Parameter.Value")["Parameter"]["Value"]
        visit.prove(f"{name.rpartition('/')[2]}", expected=expected, seen=seen)
    history = visit.aws("ssm", "GetParameterHistory", Name=url, query="Parameters[].[Version,Value,Labels]")[
        "Parameters"
    ]
    visit.prove("the history has both", expected=[1, 2], seen=[each["Version"] for each in history])


def _permissions(visit: Visit, key_arn: str) -> None:
    visit.say("Who may read the parameter, and may not decrypt under its key, does not read it:")
    reader = visit.new_caller("reader", policy=statements(allow("ssm:GetParameter")))
    asked: dict[str, Any] = {"Name": "/shop/prod/password", "WithDecryption": True}
    seen = visit.error_of("ssm", "GetParameter", way=Way(reader), **asked)
    visit.prove("ssm:GetParameter alone is not enough", expected="AccessDeniedException", seen=seen)
    both = statements(allow("ssm:GetParameter"), allow("kms:Decrypt", key_arn))
    visit.aws(
        "iam", "PutUserPolicy", UserName="reader", PolicyName="own", PolicyDocument=File.of_json("both.json", both)
    )
    seen = visit.error_of("ssm", "GetParameter", way=Way(reader), **asked, query="Parameter.Name")
    visit.prove("with kms:Decrypt on the key it is", expected=NO_ERROR, seen=seen)
    visit.aws("kms", "DisableKey", KeyId=key_arn)
    seen = visit.error_of("ssm", "GetParameter", **asked)
    visit.prove("with the key disabled nobody reads it", expected="InvalidKeyId", seen=seen)
