"""The page for raters in a real browser, where there is one: what is clicked is what is analysed."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dragoman.evaluate.ranking import Item, make_sheet, write_sheet
from dragoman.evaluate.ranking_read import read_ratings

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CLICKS = """<script>
byId("rater").value = "Zoë";
byId("rater").dispatchEvent(new Event("input"));
for (const item of data.items) {
  [...document.querySelectorAll("fieldset")].forEach((box) => {
    const text = box.querySelector(".text").textContent;
    box.querySelectorAll("input")[text.startsWith("good") ? 0 : text.includes("script>") ? 1 : 2].click();
  });
  byId("comment").value = '=so "so", ' + item.name;
  byId("comment").dispatchEvent(new Event("input"));
  byId("next").click();
}
byId("save").click();
const shown = make("pre", csv());
shown.id = "csv";
document.body.append(shown, make("p", byId("told").textContent));
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_what_is_clicked_is_what_is_analysed(tmp_path: Path) -> None:
    texts = {"x": "good one", "y": "poor </script><b>one</b>", "z": "worst ߒߞߏ"}
    items = [Item(str(k), (("Request", f"<i>{k}</i>"),), texts) for k in range(5)]
    write_sheet(make_sheet(items, 5, 1), tmp_path / "sheet")
    page = tmp_path / "page.html"
    made = (tmp_path / "sheet" / "for-raters" / "page.html").read_text(encoding="utf-8")
    page.write_text(made.replace("</body>", CLICKS + "</body>"), encoding="utf-8")
    dump = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'me'}",
         "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    found = re.search(r'<pre id="csv">(.*?)</pre>', dump, re.DOTALL)
    assert found and "All items are done" in dump
    sheet = tmp_path / "ranks.csv"
    sheet.write_text(html.unescape(found[1]), encoding="utf-8")
    ratings = read_ratings(tmp_path / "sheet" / "key.json", [sheet]).ratings
    assert len(ratings) == 5 and {rating.rater for rating in ratings} == {"Zoë"}
    assert all(rating.ranks == {"x": 1, "y": 2, "z": 3} for rating in ratings)
    assert '\'=so ""so""' in sheet.read_text(encoding="utf-8")
