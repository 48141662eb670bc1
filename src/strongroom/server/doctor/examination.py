"""All looks at the machine, one a line, in the order that they are shown in.

A look is a function of the configuration that returns a Finding. It makes and changes nothing that lasts.
"""

import importlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

from strongroom.base.configuration import Configuration
from strongroom.server.doctor import namespaces, optional, serving
from strongroom.server.doctor.finding import Finding, missing


@dataclass(frozen=True, slots=True)
class Probe:
    """A look at one thing. Where what `is_needed` is missing, a server of this configuration does not start."""

    name: str
    look: Callable[[Configuration], Finding]
    is_needed: bool = False


def _late(module: str, name: str) -> Callable[[Configuration], Finding]:
    """Return a look whose module is imported when it is taken: it needs packages that may be what is missing here."""

    def look(configuration: Configuration) -> Finding:
        found: Finding = getattr(importlib.import_module(f"strongroom.server.doctor.{module}"), name)(configuration)
        return found

    return look


PROBES = (
    Probe("Python", serving.python, is_needed=True),
    Probe("packages", serving.packages, is_needed=True),
    Probe("data directory", serving.data_directory, is_needed=True),
    Probe("root key", serving.root_key, is_needed=True),
    Probe("database", serving.database, is_needed=True),
    Probe("ports", serving.ports, is_needed=True),
    Probe("TLS", serving.tls, is_needed=True),
    Probe("TLS trust", _late("trust", "tls_trust"), is_needed=True),
    Probe("namespaces", namespaces.namespaces),
    Probe("sandbox", _late("functions", "sandbox")),
    Probe("system calls", _late("functions", "system_calls")),
    Probe("memory limit", _late("functions", "memory_limit")),
    Probe("process limit", _late("functions", "process_limit")),
    Probe("processor limit", _late("functions", "processor_limit")),
    Probe("files in memory", _late("functions", "memory_files")),
    Probe("runtimes", _late("functions", "runtimes")),
    Probe("private networks", _late("networks", "private_networks")),
    Probe("PostgreSQL", optional.postgresql_driver),
    Probe("MySQL, MariaDB", optional.mysql_driver),
    Probe("PKCS#11 tokens", optional.token_library),
    Probe("object stores", optional.object_store, is_needed=True),
)


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, by probe."""

    findings: tuple[tuple[Probe, Finding], ...]

    @property
    def can_serve(self) -> bool:
        """Whether all is there that a server needs to start."""
        return not any(probe.is_needed and finding.state == "missing" for probe, finding in self.findings)

    def plain(self) -> dict[str, object]:
        """Return it as plain values, for JSON."""
        entries = [
            {"name": probe.name, "is_needed": probe.is_needed, **asdict(finding)} for probe, finding in self.findings
        ]
        return {"can_serve": self.can_serve, "findings": entries}


def examine(configuration: Configuration) -> Examination:
    """Look at everything. A look that fails is a finding too."""
    return Examination(tuple((probe, _look(probe, configuration)) for probe in PROBES))


def _look(probe: Probe, configuration: Configuration) -> Finding:
    try:
        return probe.look(configuration)
    except ModuleNotFoundError as error:
        return missing(f"cannot be looked at without {error.name}", "", "pip install 'strongroom[server]'")
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return Finding("missing", f"could not be looked at ({words})")
