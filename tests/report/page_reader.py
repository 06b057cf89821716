"""What tests of pages share: a reader that complains, and the page without its provenance."""

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "line"}


class Reader(HTMLParser):
    """Reads a page and complains about what does not close, stands twice, or points outside."""

    def __init__(self, page):
        super().__init__()
        self.open, self.problems, self.ids, self.headings, self.text = [], [], [], [], []
        self.scripts, self.tags = [], []
        self.feed(page)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag in self.open]
        self.problems += [f"id {i} stands twice" for i in set(self.ids) if self.ids.count(i) > 1]

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("src", "href"):
            value = given.get(name, "#")
            if not value.startswith(("#", "data:")):
                self.problems.append(f"{name}={value} points outside")
        self.problems += [f"{name} is code" for name in given if name.startswith("on")]
        if tag == "script":
            self.scripts.append((given, ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self.open and self.open[-1] != "style":
            self.text.append(data)
            if self.open[-1] in ("h1", "h2", "h3") and data.strip():
                self.headings.append((self.open[-1], data.strip()))

    @property
    def words(self):
        """All that is read, as one text."""
        return " ".join(" ".join(self.text).split())


def without_provenance(page):
    """The page without the one element in which two reports of equal studies may differ."""
    found = re.sub(r'<dl class="how" id="provenance">.*?</dl>', "", page, flags=re.DOTALL)
    assert found != page
    return found
