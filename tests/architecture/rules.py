"""The rules of the house that imports cannot show, as questions to the text of a module.

In:  the text of a module, and where it lies.
Out: the breaches, each as ``line: what is wrong``; none when the module keeps the rule.
Never here: a file that is opened. ``test_house.py`` asks the real modules; ``test_rules.py`` plants breaches.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache

Breach = tuple[int, str]
Rule = Callable[[str, str], Iterator[Breach]]
#: Each module is read once, however many rules there are. No rule changes a tree.
_parsed = cache(ast.parse)

# --- one hand on the state -------------------------------------------------------------------------------------------

_HAND = "requests_app/transitions.py"
#: Where a request comes into being, with its first state.
_BIRTH = "requests_app/intake.py"
_WRITERS = {"update", "aupdate"}
_MAKERS = {"create", "acreate", "get_or_create", "update_or_create", "Request", "bulk_create"}
_SETTERS = {"setattr", "__setattr__"}
_LISTS = {"bulk_update", "abulk_update", "save", "asave", "bulk_create"}
_SQL = re.compile(r"\bupdate\s+\"?requests_app_request\b", re.IGNORECASE)


def state_is_written(text: str, path: str) -> Iterator[Breach]:
    """Every way to write ``state``: assignment, update, setattr, a list of fields, a dictionary of fields, SQL."""
    if path == _HAND or "/migrations/" in path:
        return
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Attribute) and node.attr == "state" and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.lineno, "assigns .state"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
            yield node.lineno, "updates the table of requests in SQL"
        elif isinstance(node, ast.Call) and (how := _writes_state(node, born_here=path == _BIRTH)):
            yield node.lineno, how
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _is(node.slice, "state"):
            yield node.lineno, "stores under the key 'state'"


def _writes_state(call: ast.Call, *, born_here: bool) -> str:
    name = _called(call)
    if name in _SETTERS and any(_is(argument, "state") for argument in call.args):
        return f"sets state through {name}"
    if name in _LISTS and any(_names_state(argument) for argument in _arguments(call)):
        return f"names state in {name}"
    if name in _WRITERS | _MAKERS and not (born_here and name in _MAKERS):
        if any(word.arg == "state" for word in call.keywords):
            return f"hands state to {name}"
        if any(
            isinstance(part, ast.Dict) and _has_state(part) for value in _arguments(call) for part in ast.walk(value)
        ):
            return f"hands a dictionary with state to {name}"
    return ""


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _is(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text


def _has_state(node: ast.Dict) -> bool:
    return any(key is not None and _is(key, "state") for key in node.keys)


def _names_state(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple | ast.Set) and any(_is(item, "state") for item in node.elts)


# --- nothing personal in a log ---------------------------------------------------------------------------------------

_LEVELS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
_LOGGERS = re.compile(r"(^|_)(log|logger|logging)$", re.IGNORECASE)
PERSONAL = frozenset({
    "address", "blind_index", "body_enc", "connect_from", "connect_to", "contact", "contact_enc", "customer_number",
    "email", "first_name", "full_name", "get_full_name", "identifier", "identifiers", "last_name", "name", "name_enc",
    "normalised", "number", "password", "phone", "query", "requester", "token", "username", "value", "value_enc",
})  # fmt: skip


def personal_field_is_logged(text: str, path: str) -> Iterator[Breach]:
    """A personal field, by its name, anywhere in what is handed to a logger."""
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Call) and _is_log_call(node):
            for argument in _arguments(node):
                for part in ast.walk(argument):
                    if (named := _named(part)) in PERSONAL:
                        yield part.lineno, f"logs {named!r}"  # type: ignore[attr-defined]


def _is_log_call(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LEVELS:
        return False
    owner = call.func.value
    if isinstance(owner, ast.Call):  # logging.getLogger("…").info(…)
        return _called(owner) in {"getLogger", "get_logger"}
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return bool(_LOGGERS.search(name))


def _named(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""


# --- the shape of a module -------------------------------------------------------------------------------------------

FILE_WALL, FUNCTION_WALL = 400, 50
_PIPELINE = "content_app/pipeline.py"
_SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "services", "service", "managers", "manager", "misc"}


def plate_is_missing(text: str, path: str) -> Iterator[Breach]:
    """A module with something in it says at its door what it is for."""
    tree = _parsed(text)
    if tree.body and "/migrations/" not in path and not ast.get_docstring(tree):
        yield 1, "has no docstring"


def wall_is_passed(text: str, path: str) -> Iterator[Breach]:
    """Files end before line 400, functions after at most 50 lines."""
    if "/migrations/" in path:
        return
    if (lines := len(text.splitlines())) > FILE_WALL:
        yield lines, f"has {lines} lines, and the wall is at {FILE_WALL}"
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_WALL:
                yield node.lineno, f"{node.name} has {lines} lines, and the wall is at {FUNCTION_WALL}"


def name_says_nothing(text: str, path: str) -> Iterator[Breach]:
    """A name that fits everything explains nothing."""
    for part in path.removesuffix(".py").split("/"):
        if part in _SAYS_NOTHING:
            yield 1, f"is called {part!r}"


def everything_is_caught(text: str, path: str) -> Iterator[Breach]:
    """One broad ``except`` in the house, in the pipeline, which records and re-raises."""
    broad = list(_broad(_parsed(text)))
    yield from broad[1:] if path == _PIPELINE else broad


def _broad(tree: ast.AST) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or _is_broad(kind) for kind in caught):
                yield node.lineno, "catches everything"
        elif isinstance(node, ast.Call) and _called(node) == "suppress" and any(map(_is_broad, node.args)):
            yield node.lineno, "suppresses everything"


def _is_broad(kind: ast.expr) -> bool:
    return _named(kind) in {"Exception", "BaseException"}


def something_is_printed(text: str, path: str) -> Iterator[Breach]:
    """Only commands speak to a terminal."""
    if "/management/commands/" in path:
        return
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "pprint"}:
            yield node.lineno, "prints"


RULES: tuple[Rule, ...] = (
    state_is_written,
    personal_field_is_logged,
    plate_is_missing,
    wall_is_passed,
    name_says_nothing,
    everything_is_caught,
    something_is_printed,
)

# --- the tree of the tests -------------------------------------------------------------------------------------------

#: Folders whose tests tell of more than one module.
FREE = ("architecture", "bench", "browser", "chaos", "docs", "flow", "outsiders")


def mirrors_nothing(test: str, sources: set[str]) -> bool:
    """Whether ``tests/<folders>/test_<name>.py`` stands for no module. ``test_vcc_paging.py`` stands for ``vcc.py``.

    In the folder of a package inside an application, a test may tell of the package as a whole.
    """
    *folders, file = test.removeprefix("tests/").split("/")
    if folders and folders[0] in FREE:
        return False
    if len(folders) > 1 and "/".join(folders) in sources:
        return False
    words = file.removeprefix("test_").removesuffix(".py").split("_")
    stems = ("_".join(words[: end + 1]) for end in range(len(words)))
    return not any("/".join([*folders, stem]) in sources for stem in stems)
