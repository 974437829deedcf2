"""Which group an instance belongs to."""

from actors.places import Places


def test_groups_are_filled_one_after_the_other_and_members_stay() -> None:
    places = Places()
    groups: list[str] = []
    for number in range(5):
        name = places.settle(f"i{number}", groups, 2)
        if name not in groups:
            groups.append(name)
    assert groups == ["g1", "g2", "g3"]
    assert places.members("g2") == ["i2", "i3"]
    assert places.settle("i0", groups, 2) == "g1"


def test_the_room_that_somebody_left_is_used_again() -> None:
    places = Places()
    for name in ("a", "b", "c"):
        places.settle(name, ["g1", "g2"], 2)
    places.leave("a")
    assert places.settle("d", ["g1", "g2"], 2) == "g1"


def test_a_group_that_is_being_restarted_keeps_its_name() -> None:
    places = Places()
    places.settle("a", [], 1)
    assert places.settle("b", [], 1) == "g2"
