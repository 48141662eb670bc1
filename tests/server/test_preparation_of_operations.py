from strongroom.model.service import service_model
from strongroom.operations.registry import OPERATIONS
from strongroom.server.house import SERVED


def test_the_checks_of_every_operation_that_is_served_compile() -> None:
    assert {service.name for service in SERVED} <= {service for service, _ in OPERATIONS}
    for service, name in OPERATIONS:
        operation = service_model(service).operations[name]
        operation.prepare()
        assert operation.redacted({}) == {}
        assert operation.redacted_answer({}) == {}
