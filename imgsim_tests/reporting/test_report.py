"""The HTML report: complete, self-contained and safe against hostile names."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from imgsim_assets.reporting.report import Answer, Picture, Report, Section, Table, render_report
from imgsim_assets.vision.thumbnails import thumbnail


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def parse(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


def picture(name: str, relevant: bool | None = None) -> Picture:
    return Picture(name, thumbnail(Image.new("RGB", (40, 20), "red"), 32), "cat", relevant)


def report(*sections: Section, tables: tuple[Table, ...] = ()) -> Report:
    return Report("MAP@10 0.9", [("queries", "2")], sections, tables)


def test_every_picture_is_inside_the_file():
    answer = Answer(picture("q.jpg"), [picture("a.jpg", True), picture("b.jpg", False)], 0.5, "0.75 of probability")
    tags = parse(render_report(report(Section("Good", "explained", [answer]))))
    sources = [attrs["src"] for tag, attrs in tags.seen if tag == "img"]
    assert len(sources) == 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not [attrs for tag, attrs in tags.seen if tag in {"script", "link"} or "href" in attrs]
    assert [attrs["class"] for tag, attrs in tags.seen if tag == "figure"] == ["", "good", "bad"]
    assert "AP@10 0.50" in tags.text
    assert "margin 0.75 of probability" in tags.text


def test_right_is_green_and_wrong_is_red():
    """In both colour schemes, by the rules that the classes of the figures have."""
    html = render_report(report())
    assert re.search(r"\.good img \{ border-color: var\(--good\); \} \.bad img \{ border-color: var\(--bad\); \}", html)
    for name, main in (("good", 1), ("bad", 0)):
        colours = re.findall(rf"--{name}: #([0-9a-f]{{6}})", html)
        assert len(colours) == 2
        assert all(np.argmax(list(bytes.fromhex(colour))) == main for colour in colours)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    'x" onmouseover="alert(1)',
    "</figcaption></figure></body><iframe src=//a.b>",
    "</style><style>*{display:none}</style>",
    "</title><title>",
    "<!--",
    "-->",
    "]]><svg/onload=alert(1)>",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "{{ 7 * 7 }}{% for x in y %}{# #}",
    "javascript:alert(1)",
    "`${alert(1)}`",
    "\u202egpj.exe",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_wherever_they_stand(name):
    """Names, labels, headline, facts, titles, columns and cells: the tags are those of a harmless report."""

    def page(word: str) -> Tags:
        asked, found = replace(picture(word), label=word), replace(picture(word, True), label=word)
        section = Section(word, word, [Answer(asked, [found], 0.5, word)])
        return parse(render_report(Report(word, [(word, word)], [section], [Table(word, word, [word], [[word]])])))

    tags, harmless = page(name), page("harmless")
    assert [(tag, sorted(attrs)) for tag, attrs in tags.seen] == [(tag, sorted(attrs)) for tag, attrs in harmless.seen]
    values = [(tag, {key: attrs[key] for key in attrs if key != "alt"}) for tag, attrs in tags.seen]
    assert values == [(tag, {key: attrs[key] for key in attrs if key != "alt"}) for tag, attrs in harmless.seen]
    assert [attrs["alt"] for tag, attrs in tags.seen if tag == "img"] == [name, name]
    assert tags.text.count(name) == harmless.text.count("harmless") == 15


def test_empty_sections_and_tables_are_left_out():
    tags = parse(render_report(report(Section("Nothing", "x", []), tables=(Table("Empty", "x", ["a"], []),))))
    assert not [tag for tag, _ in tags.seen if tag == "h2"]
