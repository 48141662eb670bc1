"""A service and its operations, as the rest of Strongroom sees them.

`service_model("kms")` reads a service's model at first use and keeps it. At the first use of an operation its shapes
are decoded, and its validator, its redaction and what each wire protocol needs for it (`OperationModel.compiled`) are
compiled.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any

import msgspec

from strongroom.model.load import Parts, parts_of, read_parts
from strongroom.model.redact import compile_redaction
from strongroom.model.shapes import ErrorTraits, Shape, Shapes
from strongroom.model.validate import compile_validator


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What a model says of its service as a whole."""

    api_version: str
    endpoint_prefix: str
    service_id: str
    protocol: str
    protocols: tuple[str, ...] = ()
    service_full_name: str = ""
    json_version: str = ""
    target_prefix: str = ""
    signing_name: str = ""
    xml_namespace: str = ""
    aws_query_compatible: dict[str, Any] | None = None
    validation_error_code: str = ""
    error_namespace: str = ""


class HttpBinding(msgspec.Struct, frozen=True, rename="camel"):
    """Where an operation is found over HTTP."""

    method: str = "POST"
    request_uri: str = "/"
    response_code: int = 200


class _Use(msgspec.Struct, frozen=True, rename="camel"):
    shape: str
    result_wrapper: str = ""
    location_name: str = ""
    xml_namespace: Any = None


class _Error(msgspec.Struct, frozen=True):
    shape: str


class _Operation(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    http: HttpBinding = HttpBinding()
    input: _Use | None = None
    output: _Use | None = None
    errors: list[_Error] = []
    authtype: str = ""
    auth: tuple[str, ...] = ()
    deprecated: bool = False


class _ErrorTraits(msgspec.Struct, frozen=True):
    exception: bool = False
    error: ErrorTraits | None = None


_decode_operation = msgspec.json.Decoder(_Operation).decode
_may_be_error = re.compile(rb'"e(?:xception|rror)"').search
_decode_error_traits = msgspec.json.Decoder(_ErrorTraits).decode


class OperationModel:
    """One operation. `input` and `output` are None when the operation has none.

    `is_unsigned` says that it is called without a signature (STS AssumeRoleWithWebIdentity), `is_deprecated` that
    another operation has taken its place. `compiled` is where each wire protocol keeps what it compiled for this
    operation, under a key of its own.
    """

    def __init__(self, service: "ServiceModel", description: _Operation) -> None:
        self.service = service
        self.name = description.name
        self.http = description.http
        self.result_wrapper = "" if description.output is None else description.output.result_wrapper
        self.input_location_name = "" if description.input is None else description.input.location_name
        self.input_xml_namespace = None if description.input is None else description.input.xml_namespace
        self.is_unsigned = description.authtype == "none" or "smithy.api#noAuth" in description.auth
        self.is_deprecated = description.deprecated
        self.compiled: dict[str, Any] = {}
        self._input = None if description.input is None else description.input.shape
        self._output = None if description.output is None else description.output.shape
        self._errors = tuple(error.shape for error in description.errors)

    @cached_property
    def input(self) -> Shape | None:
        """The structure that its params are."""
        return None if self._input is None else self.service.shapes[self._input]

    @cached_property
    def output(self) -> Shape | None:
        """The structure that its answer is."""
        return None if self._output is None else self.service.shapes[self._output]

    @cached_property
    def errors(self) -> dict[str, Shape]:
        """The exceptions that it may raise, by name."""
        return {name: self.service.shapes[name] for name in self._errors}

    def decode(self) -> None:
        """Decode its shapes now, so that the file need not be read again for a call of it."""
        _ = self.input, self.output, self.errors

    def __repr__(self) -> str:
        return f"<OperationModel {self.service.name}:{self.name}>"

    @cached_property
    def validate(self) -> Callable[[dict[str, Any]], None]:
        """Raise AwsError (`ValidationException`, or the service's own code) for params that the model refuses."""
        return compile_validator(self.input, self.service.validation_error_code)

    def prepare(self) -> None:
        """Compile the validator now, so that no call waits for it. Raises ValueError for a pattern that cannot be."""
        _ = self.validate

    @cached_property
    def redacted(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Return params without sensitive members and blobs, for the audit trail."""
        return compile_redaction(self.input)

    @cached_property
    def redacted_answer(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Return an answer without sensitive members and blobs, for the audit trail."""
        return compile_redaction(self.output)


class ServiceModel:
    """One service: its names, its protocols, its operations and shapes.

    `name` is botocore's folder (`service-quotas`), `endpoint_prefix` its host name (`servicequotas`), `signing_name`
    what a credential is scoped to. `protocols` come in the model's order of preference. `json_version` is "1.0", "1.1"
    or "", `target_prefix` what X-Amz-Target begins with.
    """

    def __init__(self, name: str, document: dict[str, Any] | None = None) -> None:
        """Take a model that is plain data, or read that of the name. Raises LookupError for a name that is unknown."""

        def read() -> Parts:
            return read_parts(name) if document is None else parts_of(document)

        parts = read()
        metadata = msgspec.convert(parts.metadata, type=Metadata)
        self.name = name
        self.service_id = metadata.service_id
        self.full_name = metadata.service_full_name
        self.api_version = metadata.api_version
        self.protocols = metadata.protocols or (metadata.protocol,)
        self.json_version = metadata.json_version
        self.target_prefix = metadata.target_prefix
        self.endpoint_prefix = metadata.endpoint_prefix
        self.signing_name = metadata.signing_name or metadata.endpoint_prefix
        self.xml_namespace = metadata.xml_namespace
        self.is_query_compatible = metadata.aws_query_compatible is not None
        self.error_namespace = metadata.error_namespace or f"com.amazonaws.{self.signing_name}"
        speaks_xml = self.protocols[0] in {"query", "ec2", "rest-xml"}
        self.validation_error_code = metadata.validation_error_code or (
            "ValidationError" if speaks_xml else "ValidationException"
        )
        self.shapes = Shapes(parts.shapes, lambda: read().shapes)
        described = [_decode_operation(text) for text in parts.operations.values()]
        self.operations = {operation.name: OperationModel(self, operation) for operation in described}

    def __repr__(self) -> str:
        return f"<ServiceModel {self.name} {self.api_version}>"

    def undescribed(self, name: str) -> OperationModel:
        """Return an operation that the model does not have: without params and without an answer."""
        return OperationModel(self, _Operation(name))

    def prepare(self) -> None:
        """Compile every validator now, so that no call waits for it. Raises ValueError for a pattern that cannot be."""
        for operation in self.operations.values():
            operation.prepare()

    def settle(self, operations: Iterable[str]) -> None:
        """Decode what calls of `operations`, and any error, have need of, and give up the rest of the model.

        What is asked for later all the same is read from the file again, which takes some milliseconds.
        """
        for name in operations:
            self.operations[name].decode()
        _ = self.errors
        self.shapes.release()

    @cached_property
    def errors(self) -> dict[str, Shape]:
        """The service's exception shapes, by their name and by their code in the query protocol."""
        found: dict[str, Shape] = {}
        for name, text in self.shapes.texts.items():
            # Most shapes are none, and need not be decoded to know it.
            if _may_be_error(text) is not None:
                traits = _decode_error_traits(text)
                if traits.exception or traits.error is not None:
                    found[name] = self.shapes[name]
        for shape in tuple(found.values()):
            if shape.error is not None and shape.error.code:
                found.setdefault(shape.error.code, shape)
        return found


@cache
def service_model(name: str) -> ServiceModel:
    """Return the model of a service by botocore's name for it, read once. Raises LookupError for an unknown service."""
    return ServiceModel(name)
