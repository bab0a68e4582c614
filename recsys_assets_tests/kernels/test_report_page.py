import base64
from html.parser import HTMLParser

from recsys_assets.kernels.report_page import Section, render_page


class Reader(HTMLParser):
    """Collects cells, pictures and addresses, and sees that every element is closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.elements: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_tables_plots_and_texts_are_in_the_page() -> None:
    rows = [{"model": "a", "ndcg": 0.25}, {"model": "b", "users": 12345, "ok": True}]
    png = b"\x89PNG picture"
    page = render_page("Title", "Summary", [Section("Part", "Text", rows, {"Bars": png})], "Foot")
    reader = read(page)
    assert {"model", "ndcg", "users", "ok", "0.2500", "12,345", "yes", "–"} <= set(reader.text)
    assert {"Title", "Summary", "Part", "Text", "Foot"} <= set(reader.text)
    assert [image["alt"] for image in reader.images] == ["Bars"]
    address = str(reader.images[0]["src"])
    assert base64.b64decode(address.removeprefix("data:image/png;base64,")) == png


def test_nothing_in_the_data_becomes_markup() -> None:
    evil = '<script>alert("1")</script> & \' >'
    page = render_page(evil, evil, [Section(evil, evil, [{evil: evil}], {evil: b"x"})], evil)
    reader = read(page)
    assert "script" not in reader.elements
    assert "".join(reader.text).count(evil) >= 7
    assert reader.images[0]["alt"] == evil


def test_only_cells_that_hold_a_sentence_are_kept_wide() -> None:
    rows = [
        {"model": "als_model", "reason": "the champion stays: no significant win, ndcg +0.0001"}
    ]
    page = render_page("T", "", [Section("Decisions", rows=rows)])
    assert '<th scope="col" class="long">reason</th>' in page and ".long { min-width" in page
    assert '<th scope="col">model</th>' in page


def test_page_stands_alone_and_suits_phones_and_paper() -> None:
    page = render_page("T", "", [])
    assert "http" not in page and "<link" not in page
    assert "width=device-width" in page and "@media print" in page
