"""Renders pages, and looks that nothing in them became a tag, a link or a picture."""
import sys

from markdown_it import MarkdownIt

pages = 0
for file in sys.argv[1:]:
    with open(file, encoding="utf-8") as text:
        tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text.read())
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or []}
    bad = {kind for kind in kinds if "html" in kind or "link" in kind or "image" in kind}
    assert not bad, (file, bad)
    assert "table_open" in kinds and "heading_open" in kinds, (file, kinds)
    # Cells are as many as the head has columns: no bar of somebody else's ends one.
    for row in "".join(token.type[0:2] if token.type in ("tr_open", "td_open", "th_open") else "" for token in tokens).split("tr")[1:]:
        assert len(row) in (6, 8), (file, row)
    pages += 1
print(pages)
