from html.parser import HTMLParser

import pytest
from PIL import Image

from lightning_plates.bench.report.charts import BarChart, Series, write_chart
from lightning_plates.bench.report.document import (
    Document,
    Heading,
    Paragraph,
    Picture,
    Row,
    Table,
)
from lightning_plates.bench.report.html import to_html
from lightning_plates.bench.report.markdown import to_markdown

TABLE = Table(
    ("run", "split", "IoU ≥ 0.5"),
    (Row(("a|b", "grouped", "90.0 %")), Row(("vgg16", "thesis", "78.2 %"), published=True)),
    text_columns=2,
    notes=("A note.",),
)


class _Reader(HTMLParser):
    """Collects the cells and the pictures, and checks that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.cells, self.images = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        if tag not in {"img", "meta"}:
            self.open.append(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"td", "th"}:
            self.cells[-1] += data


def test_markdown_table_is_aligned_and_escaped():
    text = to_markdown(Document("T", [TABLE]))
    assert text == (
        "# T\n\n"
        "| run | split | IoU ≥ 0.5 |\n"
        "|---|---|---:|\n"
        "| a\\|b | grouped | 90.0 % |\n"
        "| *vgg16* | *thesis* | *78.2 %* |\n\n"
        "A note.\n"
    )


def test_markdown_shows_markup_as_it_is():
    text = to_markdown(Document("T", [Paragraph("a <b> *c*"), Picture("p/x.png", "see [1]")]))
    assert "a \\<b\\> \\*c\\*" in text
    assert "![see \\[1\\]](p/x.png)" in text


def test_commands_in_notes_can_be_copied(tmp_path):
    table = Table(("`a`",), (Row(("`b|c`",)),), notes=("No [x]: `pip install 'y[z]' | a<b`, ` *",))
    markdown = to_markdown(Document("T", [table]))
    assert "No \\[x\\]: `pip install 'y[z]' | a<b`, \\` \\*\n" in markdown
    assert "| \\`b\\|c\\` |" in markdown  # a cell holds names, not commands
    html = to_html(Document("T", [table]), tmp_path)
    assert "<code>pip install &#x27;y[z]&#x27; | a&lt;b</code>, ` *</p>" in html


def test_html_needs_no_other_file(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    blocks = [Heading("Part"), Paragraph("a <b> & c"), TABLE, Picture("x.png", "A <picture>")]
    text = to_html(Document("Title <1>", blocks), tmp_path)
    reader = _Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.cells == ["run", "split", "IoU ≥ 0.5", "a|b", "grouped", "90.0 %",
                            "vgg16", "thesis", "78.2 %"]  # fmt: skip
    assert len(reader.images) == 1
    assert reader.images[0].startswith("data:image/png;base64,")
    assert "<p>a &lt;b&gt; &amp; c</p>" in text
    assert "<script" not in text
    assert "http" not in text


def test_bars_have_the_height_of_their_values(tmp_path):
    chart = BarChart(
        "Title", "per cent", ("a", "b"), (Series("x", (50.0, None)), Series("y", (100.0, 25.0)))
    )
    write_chart(chart, tmp_path / "chart.png")
    with Image.open(tmp_path / "chart.png") as image:
        picture = image.convert("RGB")
    orange = _column_heights(picture, (213, 94, 0))
    blue = _column_heights(picture, (0, 114, 178))
    assert max(orange) / max(blue) == pytest.approx(0.5, abs=0.02)
    # The left half holds the 100, the right half the 25.
    right = _column_heights(picture.crop((picture.width // 2, 0, *picture.size)), (0, 114, 178))
    assert max(right) / max(blue) == pytest.approx(0.25, abs=0.02)


def test_long_names_stay_inside_the_picture(tmp_path):
    names = [f"split: grouped, on unseen synthetic photos, number {n}" for n in range(4)]
    chart = BarChart("T", "u", ("a",), tuple(Series(name, (1.0,)) for name in names))
    write_chart(chart, tmp_path / "chart.png")
    with Image.open(tmp_path / "chart.png") as image:
        picture = image.convert("L")
    sides = (picture.crop((0, 0, 3, picture.height)),
             picture.crop((picture.width - 3, 0, *picture.size)))  # fmt: skip
    assert [side.getextrema() for side in sides] == [(255, 255)] * 2


def _column_heights(picture, colour):
    pixels = picture.load()
    # The legend below the axes has the same colours.
    rows = range(int(picture.height * 0.85))
    return [sum(pixels[x, y] == colour for y in rows) for x in range(picture.width)]
