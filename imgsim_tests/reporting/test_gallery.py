"""The HTML report: complete, self-contained and safe against hostile names."""

import base64
import io
from html.parser import HTMLParser

import pytest
from PIL import Image

from imgsim_assets.reporting.gallery import Answer, Gallery, Picture, Section, Table, render_gallery, thumbnail


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


def gallery(*sections: Section, tables: tuple[Table, ...] = ()) -> Gallery:
    return Gallery("MAP@10 0.9", [("queries", "2")], sections, tables)


def test_every_picture_is_inside_the_file():
    answer = Answer(picture("q.jpg"), [picture("a.jpg", True), picture("b.jpg", False)], 0.5, 0.75)
    tags = parse(render_gallery(gallery(Section("Good", "explained", [answer]))))
    sources = [attrs["src"] for tag, attrs in tags.seen if tag == "img"]
    assert len(sources) == 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not [attrs for tag, attrs in tags.seen if tag in {"script", "link"} or "href" in attrs]
    assert [attrs["class"] for tag, attrs in tags.seen if tag == "figure"] == ["", "good", "bad"]
    assert "AP@10 0.50" in tags.text
    assert "margin 0.8 nats" in tags.text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.jpg", '"><img src=x onerror=alert(1)>.jpg', "{{ 7 * 7 }}.jpg"]
)
def test_hostile_names_are_text(name):
    tags = parse(render_gallery(gallery(Section("Good", "explained", [Answer(picture(name), [])]))))
    assert not [tag for tag, _ in tags.seen if tag == "script"]
    assert [attrs["alt"] for tag, attrs in tags.seen if tag == "img"] == [name]
    assert name in tags.text


def test_empty_sections_and_tables_are_left_out():
    tags = parse(render_gallery(gallery(Section("Nothing", "x", []), tables=(Table("Empty", "x", ["a"], []),))))
    assert not [tag for tag, _ in tags.seen if tag == "h2"]


@pytest.mark.parametrize(("mode", "size"), [("RGB", (300, 100)), ("L", (1, 500)), ("RGBA", (5, 5))])
def test_a_thumbnail_is_a_square_jpeg(mode, size):
    data = base64.b64decode(thumbnail(Image.new(mode, size), 48).split(",")[1])
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (48, 48))
