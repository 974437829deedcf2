"""The code that instances run, moved together before the forks.

A call counts a reference to the function's code, so it writes to it, and a child that writes to a page has it copied.
Code lies where its module was imported, among much that never runs: the 800 functions that an instance calls are a
tenth of all and were spread over 450 pages; together they need 100. `hot_functions.txt` names them as they were seen to
run (`scripts/list_hot_functions.py`). A name in it that is gone is passed over, and a function that is missing in it
costs its page, no more.
"""

import gc
from pathlib import Path
from types import CodeType, FunctionType

HOT_FUNCTIONS = Path(__file__).with_name("hot_functions.txt")
# The originals stay: their places would be filled with what children write to.
_originals: list[CodeType] = []


def gather_hot_code() -> int:
    """Copy the code of these functions, one behind the other; of how many. For before the forks, and after imports."""
    names = frozenset(HOT_FUNCTIONS.read_text("utf-8").splitlines())
    functions = [one for one in gc.get_objects() if type(one) is FunctionType and _name(one) in names]
    for function in functions:
        _originals.append(function.__code__)
        function.__code__ = _copied(function.__code__)
    return len(functions)


def _name(function: FunctionType) -> str:
    return f"{function.__module__} {function.__qualname__}"


def _copied(code: CodeType) -> CodeType:
    """With the code of the functions within it: comprehensions, lambdas."""
    constants = tuple(_copied(one) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_consts=constants)
