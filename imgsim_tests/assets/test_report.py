"""The published report, read as a browser reads it: what stands where, and in which colour."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import polars as pl
import pytest

from imgsim_assets.assets.keys import neighbors_key
from imgsim_tests.workplace import Workplace


@dataclass
class Shown:
    """A photo with its class of colour and its label, or a query with what is said of it."""

    name: str
    colour: str
    label: str = ""


@dataclass
class Answer:
    query: Shown
    found: list[Shown] = field(default_factory=list)
    said: str = ""


class Reader(HTMLParser):
    """Collect the answers of each section."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, list[Answer]] = {}
        self._tag, self._colour, self._label = "", "", ""

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self._tag = tag
        if tag == "figure":
            self._colour = values["class"]
        elif tag == "img":
            self._add(Shown(values["alt"], self._colour))

    def handle_data(self, data):
        if self._tag == "h2" and data.strip():
            self.sections[data] = []
        elif self._tag == "b" and data.strip():
            self._last().label = data
        elif data.strip() and self.sections and self._answers:
            self._answers[-1].said += data

    def handle_endtag(self, tag):
        self._tag = ""

    @property
    def _answers(self):
        return self.sections[next(reversed(self.sections))]

    def _add(self, shown):
        if not self._answers or len(self._answers[-1].found) == 10:
            self._answers.append(Answer(shown))
        else:
            self._answers[-1].found.append(shown)

    def _last(self):
        answer = self._answers[-1]
        return answer.found[-1] if answer.found else answer.query


@pytest.fixture
def sections(synced_once: Workplace) -> dict[str, list[Answer]]:
    reader = Reader()
    reader.feed((synced_once.published / "report.html").read_text(encoding="utf-8"))
    return reader.sections


@pytest.fixture
def scores(synced_once: Workplace) -> dict[str, float]:
    """AP@10 of each test photo, computed here from the lists and the labels."""
    train = dict(pl.read_csv(synced_once.photos / "train.csv").iter_rows())
    truth = dict(pl.read_csv(synced_once.photos / "solution.csv").iter_rows())
    found = {}
    for name, listed in synced_once.lists().items():
        right = [train[one] == truth[name] for one in listed]
        precisions = [sum(right[: place + 1]) / (place + 1) for place in range(10) if right[place]]
        found[name] = sum(precisions) / min(10, sum(label == truth[name] for label in train.values()))
    return found


def margins(answers: list[Answer]) -> list[float]:
    return [float(re.search(r"margin (-?[\d.]+)", one.said)[1]) for one in answers]


def test_the_best_come_first_and_the_worst_come_first(sections, scores):
    found, missed = (sections[title] for title in ("Found", "Missed"))
    assert [scores[one.query.name] for one in found] == pytest.approx(sorted(scores.values(), reverse=True)[:3])
    assert [scores[one.query.name] for one in missed] == pytest.approx(sorted(scores.values())[:3])
    assert len(found) == len(missed) == 3
    for one in [*found, *missed]:
        assert f"AP@10 {scores[one.query.name]:.2f}" in one.said


def test_the_narrowest_margins_come_first_and_have_their_unit(synced_once, sections):
    unsure = margins(sections["Unsure"])
    assert unsure == sorted(unsure)
    assert max(unsure) <= min(margins(sections["Found"])) + 1.0
    recipe = json.loads(synced_once.store.artefacts.open("ranking_choice").path("recipe.json").read_text())
    unit = "of cosine" if recipe["evidence"] == "likeness" else "of probability"
    assert all(unit in one.said for one in sections["Unsure"])
    assert not any("nats" in one.said for answers in sections.values() for one in answers)


def test_right_ones_are_good_and_wrong_ones_bad(synced_once, sections):
    train = dict(pl.read_csv(synced_once.photos / "train.csv").iter_rows())
    truth = dict(pl.read_csv(synced_once.photos / "solution.csv").iter_rows())
    seen = set()
    for title in ("Found", "Missed", "Unsure"):
        for answer in sections[title]:
            assert (answer.query.colour, answer.query.label) == ("", truth[answer.query.name])
            assert [one.name for one in answer.found] == synced_once.lists()[answer.query.name]
            for one in answer.found:
                assert one.label == train[one.name]
                assert one.colour == ("good" if one.label == truth[answer.query.name] else "bad")
                seen.add(one.colour)
    assert seen == {"good", "bad"}


def test_where_the_libraries_agree_nothing_is_shown_as_differing(synced_once, sections):
    one, other = (synced_once.table(neighbors_key(library)).drop("score") for library in ("faiss", "annoy"))
    assert ("Answered in two ways" in sections) != one.equals(other)
