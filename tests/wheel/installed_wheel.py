"""The wheel, built and installed into environments that have what its own metadata ask for, and nothing else.

What it depends on is not fetched again: it is linked from the environment that runs the tests. Which of that is linked,
the wheel's metadata decide; so what they forget is missing there, as it would be anywhere.
"""

import re
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def build(directory: Path) -> Path:
    """Build the wheel and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    [wheel] = directory.glob("*.whl")
    return wheel


class Environment:
    """A virtual environment with a wheel, and what the wheel needs for `extras`."""

    def __init__(self, place: Path, wheel: Path, *extras: str) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=60)
        self.python = place / "bin" / "python"
        self.strongroom = place / "bin" / "strongroom"
        self.home = place / "home"
        self.home.mkdir()
        self._packages = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
        self.pip("install", "--no-index", "--no-deps", str(wheel))
        [installed] = self._packages.glob("strongroom-*.dist-info")
        self._link(Distribution.at(installed), extras, set())

    def pip(self, *arguments: str) -> str:
        """Run pip on this environment, and return what it prints."""
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(self.python)]
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command with no variables but a home of its own."""
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200"}
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def _link(self, dependent: Distribution, extras: tuple[str, ...], seen: set[tuple[str, tuple[str, ...]]]) -> None:
        for text in dependent.requires or []:
            wanted = Requirement(text)
            chosen = tuple(sorted(wanted.extras))
            if (wanted.name, chosen) in seen or not _applies(wanted, extras):
                continue
            seen.add((wanted.name, chosen))
            found = distribution(wanted.name)
            for file in found.files or []:
                if file.parts[0] not in ("..", "__pycache__"):
                    link = self._packages / file.parts[0]
                    if not link.exists():
                        link.symlink_to(str(found.locate_file(file.parts[0])))
            self._link(found, chosen, seen)


def _applies(wanted: Requirement, extras: tuple[str, ...]) -> bool:
    if wanted.marker is None:
        return True
    return any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def normal(name: str) -> str:
    """Return a project's name as it is compared (PyPA specifications, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()
