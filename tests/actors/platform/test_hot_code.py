"""The list of hot functions fits the program, and a copied function is the same function."""

from fresh import run

from actors import hot_code


def test_most_of_the_list_is_found_in_the_actors_process() -> None:
    """Otherwise make it anew: scripts/list_hot_functions.py."""
    found = int(run("import cli.actors_process; from actors.hot_code import *; print(gather_hot_code())"))
    listed = len(hot_code.HOT_FUNCTIONS.read_text().splitlines())
    assert listed > 500
    assert found > 0.9 * listed


def test_a_copied_function_does_what_it_did() -> None:
    told = run(
        """
        import actors.hot_code

        def outer(n, *, by=2):
            "doc"
            inner = lambda values: [by * value for value in values]
            return inner(range(n))

        actors.hot_code.HOT_FUNCTIONS = type("Names", (), {"read_text": lambda _encoding: "__main__ outer"})
        before = outer.__code__
        assert actors.hot_code.gather_hot_code() == 1
        assert outer.__code__ is not before and outer.__code__ == before
        print(outer(3), outer(2, by=5), outer.__doc__)
        """
    )
    assert told == "[0, 2, 4] [0, 5] doc\n"
