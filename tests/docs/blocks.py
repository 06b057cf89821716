"""Fenced blocks, links and headings of Markdown pages; and the verbs, made small enough to run every block."""

import re
import shlex

import hunch

FENCE = re.compile(
    r"(?:<!-- (?P<mark>runs[^>]*?)-->\n)?```(?P<kind>\w*)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def python_blocks(text):
    """(setup, code) of the marked Python blocks of a page, in their order.

    The comment before a block marks it: `<!-- runs -->`, or `<!-- runs with` … `-->`, which holds what goes before.
    """
    return [
        ((found["mark"].strip().removeprefix("runs").strip().removeprefix("with")).strip("\n"), found["code"])
        for found in FENCE.finditer(text)
        if found["kind"] == "python" and found["mark"]
    ]


def unmarked_python(text):
    """Python blocks that no test would run."""
    return [f["code"] for f in FENCE.finditer(text) if f["kind"] == "python" and not f["mark"]]


def command_lines(text):
    """The words of every `hunch …` command of a page: in sh fences, and in lines that are indented by four."""
    fenced = "\n".join(f["code"] for f in FENCE.finditer(text) if f["kind"] in ("sh", "bash", "console"))
    rest = FENCE.sub("", text)
    indented = "\n".join(line[4:] for line in rest.splitlines() if line.startswith("    "))
    found = []
    for part in (fenced, indented):
        for line in re.sub(r"\\\n\s*", " ", part).splitlines():
            line = line.removeprefix("$ ")
            if line.startswith("hunch "):
                found.append(shlex.split(line, comments=True)[1:])
    return found


def links(text):
    """Where a page's links and pictures lead, code left out."""
    plain = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    return [a or b for a, b in LINK.findall(plain)]


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def make_tiny(monkeypatch):
    """Replace the verbs by themselves with few seeds and a few iterations; everything else of a call stays."""
    for name in ("compare", "test", "audit", "tune", "equivalent", "tunability", "search", "train"):
        monkeypatch.setattr(hunch, name, _tiny(name, getattr(hunch, name)))


def _tiny(name, verb):
    def small(*args, **given):
        given |= {"budget": 10, "progress": False}
        given.setdefault("seeds", None)
        if isinstance(given["seeds"], int) or given["seeds"] is None:
            given["seeds"] = {"compare": 6, "test": 6, "audit": 5, "search": 6}.get(name, 3)
        if name == "audit":
            given["studies"] = 2
        if name == "search":
            given["n"] = 10
        if name in ("tune", "equivalent", "tunability") and "fresh" in given:
            given["fresh"] = min(given["fresh"], 2)
        return verb(*args, **given)

    return small
