"""Makes a virtual environment with pip in it, also where a distribution keeps ``ensurepip`` back.

In:  the directory to make.
Out: a virtual environment with pip.
Never here: a system package. Debian and Ubuntu ship Python without ``ensurepip``; there pip's wheel comes from the
package registry, and only if it is exactly the one pinned here.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import Request, urlopen

PIP = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"


def main(directory: str) -> None:
    """Make the environment, with whichever way to pip there is."""
    if find_spec("ensurepip"):
        venv.create(directory, with_pip=True, clear=True)
        return
    venv.create(directory, with_pip=False, clear=True)
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / PIP
        wheel.write_bytes(_pip())
        # A wheel is a zip file, and Python runs what is inside one.
        python = str(Path(directory) / "bin" / "python")
        install = [python, f"{wheel}/pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
        subprocess.run(install, check=True)


def _pip() -> bytes:
    """The pinned wheel, from the registry that pip itself would ask."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    ask = Request(index, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urlopen(ask, timeout=60) as answer:
        files = json.load(answer)["files"]
    with urlopen(urljoin(index, next(file["url"] for file in files if file["filename"] == PIP)), timeout=60) as answer:
        wheel = answer.read()
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        sys.exit(f"{PIP} from {index} is not the one that was pinned. Nothing was installed.")
    return wheel


if __name__ == "__main__":
    main(sys.argv[1])
