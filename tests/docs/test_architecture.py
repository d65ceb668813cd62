"""`docs/architecture.md` names the layers that the contract names, and modules that exist."""

import configparser
import re

from requests_app.states import State
from tests.docs import tables


def layers(contract):
    parser = configparser.ConfigParser()
    parser.read(tables.ROOT / ".importlinter")
    return parser[f"importlinter:contract:{contract}"]["layers"].split("\n")[1:]


def test_the_layers_are_those_of_the_contract():
    blocks = re.findall(r"```\n(\w+)\n(.*?)\n```", tables.text_of("docs/architecture.md"), re.DOTALL)
    shown = {package: [line.strip() for line in lines.split("\n")] for package, lines in blocks}
    assert shown == {"requests_app": layers("case-file"), "content_app": layers("workshop")}


def test_the_rooms_leave_a_request_in_states_that_exist():
    for row in tables.table("docs/architecture.md", "The path of a request"):
        assert tables.code(row["Leaves the request"]) in State.values
