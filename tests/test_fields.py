"""Groups of fields: plain values out of them, one of several, copies that share nothing."""

import dataclasses

import pytest

from lfp_tf.fields import Fields, OneOf, field, value_at


@dataclasses.dataclass
class Inner(Fields):
    sizes: list = field(lambda: [3, 4])
    name: str = "in"


@dataclasses.dataclass
class Other(Fields):
    rate: float = 0.5


@dataclasses.dataclass
class Choice(OneOf):
    inner: Inner = field(Inner)
    other: Other = field(Other)


@dataclasses.dataclass
class Outer(Fields):
    number: int = 1
    inner: Inner = field(Inner)
    choice: Choice = field(Choice)


@dataclasses.dataclass
class Builder:
    """Of another library: it takes some of the fields."""

    name: str
    sizes: list


def test_plain_values_are_nested_dictionaries():
    assert Outer().as_dict() == {
        "number": 1,
        "inner": {"sizes": [3, 4], "name": "in"},
        "choice": {"type": None},
    }


def test_tuples_become_lists_and_lists_are_copied():
    inner = Inner(sizes=(1, 2))
    assert inner.as_dict()["sizes"] == [1, 2]
    inner = Inner()
    inner.as_dict()["sizes"].append(9)
    assert inner.sizes == [3, 4]


def test_of_a_choice_the_group_that_counts_is_told_alone():
    choice = Choice(type="other")
    assert choice.get() is choice.other
    assert choice.as_dict() == {"type": "other", "other": {"rate": 0.5}}
    assert Choice().get() is None and Choice().as_dict() == {"type": None}
    assert choice.names() == ["inner", "other"]


def test_a_choice_that_is_none_of_its_groups_is_no_group():
    with pytest.raises(AttributeError):
        Choice(type="third").get()


def test_another_dataclass_is_filled_from_the_fields_that_it_has_too():
    assert Inner(name="x").values_for(Builder) == {"name": "x", "sizes": [3, 4]}
    assert Builder(**Inner().values_for(Builder)) == Builder("in", [3, 4])


def test_a_copy_has_other_values_and_shares_nothing():
    first = Outer()
    second = first.replace(number=2)
    assert (first.number, second.number) == (1, 2)
    assert second.inner == first.inner and second.inner is not first.inner
    second.inner.sizes.append(5)
    second.choice.type = "inner"
    assert first.as_dict() == Outer().as_dict()


def test_a_copy_takes_values_of_its_own_fields_alone():
    with pytest.raises(TypeError, match="nmber"):
        Outer().replace(nmber=2)


def test_two_of_a_kind_share_no_default():
    Outer().inner.sizes.append(9)
    assert Outer().inner.sizes == [3, 4]


def test_a_dotted_field_is_found():
    assert value_at(Outer(), "inner.name") == "in"
    assert value_at(Outer(), "number") == 1
    with pytest.raises(AttributeError):
        value_at(Outer(), "inner.nome")
