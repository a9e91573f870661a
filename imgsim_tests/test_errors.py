"""Errors of several things at once, and of other libraries."""

from imgsim_assets.errors import ArtefactError, ModelError, UserError, all_together, said_by


def test_one_error_is_itself_and_several_are_all_named():
    one, other = ModelError("weights", "none", "copy them"), ModelError("a model", "a cat", "choose one")
    assert all_together({"clip": one}) is one
    both = all_together({"clip": one, "vit": other})
    assert isinstance(both, UserError)
    for part in ("clip", "none", "weights", "copy them", "vit", "a cat", "a model", "choose one"):
        assert part in str(both)


def test_what_a_person_cannot_mend_alone_is_not_called_so():
    assert not isinstance(all_together({"a": ModelError("", "", ""), "b": ArtefactError("", "", "")}), UserError)


def test_other_peoples_words_are_brought_to_one_line():
    assert said_by(KeyError("a\nb")) == "KeyError: 'a\\nb'"
    assert said_by(ValueError("first\n  second " + "x" * 999)).startswith("ValueError: first second xxx")
    assert len(said_by(ValueError("x" * 999), 50)) == 50
