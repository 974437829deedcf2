"""The tree drawn in the docstring is the tree that the classes form."""

import inspect

from whatsapp import errors


def test_the_drawn_tree_is_the_real_one():
    drawn = {}
    path = []
    for line in inspect.getdoc(errors).splitlines():
        words = line.replace("│", " ").replace("├──", "   ").replace("└──", "   ")
        name = words.strip().split(" ")[0]
        if name and isinstance(getattr(errors, name, None), type):
            depth = (len(words) - len(words.lstrip())) // 4 - 1
            path[depth:] = [name]
            drawn[name] = path[-2] if depth else None
    real = {
        name: cls.__base__.__name__ if cls is not errors.ProtocolError else None
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, errors.ProtocolError)
    }
    assert drawn == real


def test_pairing_errors_know_what_to_answer():
    assert errors.HmacMismatch.wire_text == "hmac-mismatch"
    assert errors.SignatureMismatch.wire_text == "signature-mismatch"
