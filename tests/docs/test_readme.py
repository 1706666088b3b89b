"""The two commands of the README, also on a bare Debian, which here is made of stand-ins for its programs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = dict(re.findall(r"<!-- command: (\w+) -->\n```sh\n(.*)\n```", README))

PYTHON = """
if [ ! -e venv_is_there ]; then echo "ensurepip is not available" >&2; exit 1; fi
/bin/mkdir -p .venv/bin
for name in pip crmkit pytest; do
    printf '#!/bin/sh\\necho "%s $*" >>log\\n' "$name" >.venv/bin/$name
    /bin/chmod +x .venv/bin/$name
done
"""
APT_GET = """
[ "$NEEDS_SUDO" = "$IN_SUDO" ] || { echo "are you root?" >&2; exit 100; }
case $1 in
    update) : >lists ;;
    install) [ -e lists ] || { echo "Unable to locate package" >&2; exit 100; }; : >venv_is_there ;;
esac
echo "apt-get $*" >>log
"""
SUDO = 'IN_SUDO=yes exec "$@"\n'


@pytest.mark.parametrize("name", ["demo", "test"])
@pytest.mark.parametrize("shell", ["sh -c", "bash -euo pipefail -c"])
@pytest.mark.parametrize("sudo", ["", "yes"])
def test_a_command_installs_venv_where_it_is_missing(tmp_path: Path, name: str, shell: str, sudo: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for program, text in {"python3": PYTHON, "apt-get": APT_GET, **({"sudo": SUDO} if sudo else {})}.items():
        (programs / program).write_text(f"#!/bin/sh\n{text}")
        (programs / program).chmod(0o755)
    program, *options = shell.split()
    environment = {"PATH": str(programs), "NEEDS_SUDO": sudo, "IN_SUDO": ""}

    subprocess.run(
        [shutil.which(program) or program, *options, COMMANDS[name]], cwd=tmp_path, env=environment, check=True
    )

    installed, *steps = (tmp_path / "log").read_text().replace("--quiet ", "").splitlines()[1:]
    wanted = {"demo": ["pip install .", "crmkit demo"], "test": ["pip install --editable .[dev]", "pytest "]}
    assert installed == "apt-get install -qy python3-venv"
    assert steps == wanted[name]
