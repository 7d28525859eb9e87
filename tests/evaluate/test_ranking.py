"""Blind sheets: what raters get says nothing of the systems; filled sheets are read back; figures by hand."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from conftest import Cli

from dragoman.errors import DataError, RecipeError
from dragoman.evaluate.judge_prompts import Answered, Prompt, write_answers
from dragoman.evaluate.outputs import Output, write_outputs
from dragoman.evaluate.ranking import (
    Item,
    Sheet,
    items_of_answers,
    items_of_outputs,
    make_sheet,
    page,
    write_sheet,
)
from dragoman.evaluate.ranking_analysis import (
    agreement,
    average_ranks,
    first_places,
    fleiss_kappa,
    kendall_w,
    ranking_table,
)
from dragoman.evaluate.ranking_read import Rating, Ratings, mid_ranks, read_ratings
from dragoman.language.language import Direction

SYSTEMS = ("baseline", "tuned", "teacher")
QUALITY = {"baseline": 3, "tuned": 1, "teacher": 2}


def items(count: int = 30) -> list[Item]:
    return [
        Item(f"q{k}", (("Request", f"Question {k}?"),), {s: f"text {QUALITY[s]} of {k}" for s in SYSTEMS})
        for k in range(count)
    ]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Sheet, Path]:
    sheet = make_sheet(items(), 20, 1)
    write_sheet(sheet, tmp_path / "sheet")
    return sheet, tmp_path / "sheet"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def filled(folder: Path, name: str, rank: dict[str, str] | None = None, most: int = 99) -> Path:
    """A sheet filled by somebody who sees the quality in the text, or gives each text a fixed rank."""
    rows = rows_of(folder / "for-raters" / "sheet.csv")
    for row in rows[: 3 * most]:
        quality = row["text"].split()[1]
        row["rank"] = (rank or {}).get(quality, quality)
    path = folder.parent / name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


# -- the sheet


def test_letters_are_shuffled_in_each_item_by_seed(made: tuple[Sheet, Path]) -> None:
    sheet, _ = made
    assert make_sheet(items(), 20, 1) == sheet != make_sheet(items(), 20, 2)
    firsts = Counter(letters["A"] for letters in sheet.key.values())
    assert len(sheet.shown) == 20 and set(firsts) == set(SYSTEMS) and max(firsts.values()) < 13
    for shown in sheet.shown:
        original = next(item for item in items() if item.id == sheet.ids[shown.name])
        letters = sheet.key[shown.name]
        assert {letters[letter]: text for letter, text in shown.texts.items()} == original.outputs
        assert shown.context == original.context


def test_what_raters_get_names_no_system_and_holds_no_key(made: tuple[Sheet, Path]) -> None:
    sheet, folder = made
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "key.json",
        "page.html",
        "sheet.csv",
    ]
    for path in (folder / "for-raters").iterdir():
        text = path.read_text()
        assert not any(system in text for system in SYSTEMS)
        assert not re.search(r'"?(seed|key|ids)"?\s*:', text) and '"q1"' not in text
    key = json.loads((folder / "key.json").read_text())
    assert key["seed"] == 1 and key["key"] == sheet.key and key["ids"] == sheet.ids


def test_the_sheet_opens_in_a_spreadsheet_and_runs_nothing(tmp_path: Path) -> None:
    evil = ["=1+1", "+cmd", "-5 Grad", "@x", "\tx", 'a "b", c\nd;']
    one = Item("1", (("Request", "=HYPERLINK()"),), {f"s{k}": text for k, text in enumerate(evil)})
    write_sheet(make_sheet([one], 9, 1), tmp_path / "sheet")
    path = tmp_path / "sheet" / "for-raters" / "sheet.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = rows_of(path)
    assert sorted(row["text"] for row in rows) == sorted(["'" + text for text in evil[:5]] + evil[5:])
    assert rows[0]["context"] == "Request: =HYPERLINK()" and {row["context"] for row in rows[1:]} == {""}


def test_texts_cannot_leave_the_page_s_data() -> None:
    evil = "</script><script>alert(1)</script><!-- \u2028 &amp;"
    made = page(make_sheet([Item("1", (("Request", evil),), {"a": evil, "b": "x"})], 1, 1))
    assert made.count("</script>") == 2 and "<!--" not in made and "alert(1)" in made
    data = json.loads(made.split('id="data">')[1].split("</script>")[0])
    assert data["items"][0]["context"] == [["Request", evil]]
    assert evil in [text for _, text in data["items"][0]["texts"]]
    assert not re.search(r"(src|href)=|https?://|@import|url\(", made), "the page needs no network"


def test_a_sheet_is_never_written_over(made: tuple[Sheet, Path]) -> None:
    with pytest.raises(DataError, match="is there already"):
        write_sheet(*made)


def test_items_of_answers_and_of_translations() -> None:
    prompts = [Prompt("1", ("a", "b")), Prompt("2", ("c",)), Prompt("3", ("d",))]
    x = [Answered(p, "x", tuple(f"x{k}" for k, _ in enumerate(p.turns))) for p in prompts]
    y = [Answered(p, "y", tuple(f"y{k}" for k, _ in enumerate(p.turns))) for p in prompts[:2]]
    assert items_of_answers({"x": x, "y": y}) == [
        Item("1", (("Turn 1", "a"), ("Turn 2", "b")), {"x": "[1] x0\n\n[2] x1", "y": "[1] y0\n\n[2] y1"}),
        Item("2", (("Request", "c"),), {"x": "x0", "y": "y0"}),
    ]
    with pytest.raises(DataError, match="question_id 1: the files have different instructions"):
        items_of_answers({"x": x, "y": [Answered(Prompt("1", ("z", "b")), "y", ("", ""))]})
    one, two = (
        Output("m", Direction("de", "en"), ("1", "2"), ("A", "B"), ("a", "b")),
        Output("n", Direction("de", "en"), ("2",), ("C",), ("b",)),
    )
    assert items_of_outputs([one, two]) == [
        Item("de-en/2", (("German to English", "b"),), {"m": "B", "n": "C"})
    ]
    with pytest.raises(RecipeError, match="no item was answered by all"):
        make_sheet([], 5, 1)


# -- filled sheets


def test_filled_sheets_are_read_back(made: tuple[Sheet, Path], cli: Cli) -> None:
    _, folder = made
    sheets = [filled(folder, "anna.csv"), filled(folder, "bela.csv", most=5)]
    ratings = read_ratings(folder / "key.json", sheets)
    assert Counter(rating.rater for rating in ratings.ratings) == {"anna": 20, "bela": 5}
    assert all(rating.ranks == {"baseline": 3, "tuned": 1, "teacher": 2} for rating in ratings.ratings)
    status, out, said = cli("rank", folder / "key.json", *sheets)
    assert status == 0, said
    assert [line.split() for line in out.splitlines()[1:4]] == [
        ["tuned", "1.00", "100.0", "25.0"],
        ["teacher", "2.00", "0.0", "0.0"],
        ["baseline", "3.00", "0.0", "0.0"],
    ]  # fmt: skip
    assert "25 ratings by 2 people of 20 items" in out and "Kendall's W 1.000 (mean of 5 items" in out


def test_other_spreadsheets_and_the_page_s_file(made: tuple[Sheet, Path], tmp_path: Path) -> None:
    """Semicolons, tabs, no mark at the start, Windows line ends; a column of raters."""
    sheet, folder = made
    first = sheet.shown[0].name
    for separator in ";\t":
        rows = [
            ["item", "label", "text", "rank"],
            *([first, x, f'a "{separator}" b\nc', r] for x, r in ("A1", "B2", "C2")),
        ]
        path = tmp_path / "x.csv"
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=separator, lineterminator="\r\n").writerows(rows)
        (rating,) = read_ratings(folder / "key.json", [path]).ratings
        assert sorted(rating.ranks.values()) == [1, 2.5, 2.5] and rating.rater == "x"
    path.write_text("item,label,rank,comment,rater\n" + "".join(f'"{first}",{x},1,"","Zoë"\n' for x in "ABC"))
    (rating,) = read_ratings(folder / "key.json", [path]).ratings
    assert rating.rater == "Zoë" and set(rating.ranks.values()) == {2}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("{0},A,4\n", "x.csv:2: rank '4'; expected a number from 1 to 3"),
        ("{0},A,1.5\n", "x.csv:2: rank '1.5'"),
        ("{0},D,1\n", "x.csv:2: the key has no item '{0}' with the letter 'D'"),
        ("nope,A,1\n", "the key has no item 'nope'"),
        ("{0},A,1\n{0},A,2\n", "x.csv:3: item {0} A is ranked twice"),
        ("{0},A,1\n", "no item is ranked to its end"),
    ],
)
def test_mistakes_in_sheets_are_told(made: tuple[Sheet, Path], tmp_path: Path, rows: str, told: str) -> None:
    sheet, folder = made
    name = sheet.shown[0].name
    path = tmp_path / "x.csv"
    path.write_text("item,label,rank\n" + rows.replace("{0}", name))
    with pytest.raises(DataError, match=re.escape(told.replace("{0}", name))):
        read_ratings(folder / "key.json", [path])


def test_an_item_ranked_in_part_is_left_out_and_told(made: tuple[Sheet, Path], tmp_path: Path) -> None:
    sheet, folder = made
    one, two = (shown.name for shown in sheet.shown[:2])
    path = tmp_path / "x.csv"
    path.write_text(f"item,label,rank\n{one},A,1\n{one},B,2\n{one},C,3\n{two},A,1\n{two},B,\n{two},C,2\n")
    ratings = read_ratings(folder / "key.json", [path])
    assert len(ratings.ratings) == 1 and ratings.left_out == 1
    assert "1 ratings are left out" in ranking_table(ratings).show()
    with pytest.raises(DataError, match="has rated item"):
        read_ratings(folder / "key.json", [path, path])


def test_sheet_of_a_run_and_of_files(tmp_path: Path, cli: Cli) -> None:
    for system in ("m", "n", "o"):
        texts = tuple(f"{system} {k}" for k in range(4))
        write_outputs(
            tmp_path / "run", [Output(system, Direction("de", "en"), tuple("1234"), texts, texts, texts)]
        )
    status, _, said = cli(
        "sheet", tmp_path / "run", "--system", "m", "--system", "n", "--out", tmp_path / "a"
    )
    assert status == 0 and "4 items of 2 systems" in said, said
    for name in "xy":
        write_answers(tmp_path / f"{name}.jsonl", [Answered(Prompt("1", ("q",)), name, (name,))])
    files = [f"{name}={tmp_path / name}.jsonl" for name in "xy"]
    status, _, said = cli("sheet", *files, "--out", tmp_path / "b")
    assert status == 0 and "1 items of 2 systems" in said
    for wrong in ([files[0]], ["x.jsonl", "y.jsonl"], [files[0], files[0]]):
        status, _, said = cli("sheet", *wrong, "--out", tmp_path / "c")
        assert status == 1 and "NAME=FILE" in said


# -- figures, worked out by hand


def test_places_of_equal_ranks() -> None:
    assert mid_ranks({"a": 1, "b": 1, "c": 3}) == {"a": 1.5, "b": 1.5, "c": 3}
    assert mid_ranks({"a": 2, "b": 2, "c": 3}) == {"a": 1.5, "b": 1.5, "c": 3}
    assert mid_ranks({"a": 1, "b": 1, "c": 1}) == {"a": 2, "b": 2, "c": 2}
    assert mid_ranks({"a": 3, "b": 1, "c": 2}) == {"a": 3, "b": 1, "c": 2}


def test_first_places_and_average_ranks() -> None:
    """Two ratings: b before a and c; a and b together before c. b has one place and a half, a a half."""
    given = [{"a": 2, "b": 1, "c": 3}, {"a": 1, "b": 1, "c": 2}]
    ratings = Ratings(("a", "b", "c"), tuple(Rating("r", str(k), mid_ranks(g)) for k, g in enumerate(given)))
    assert first_places(ratings) == {"a": 0.5, "b": 1.5, "c": 0}
    assert average_ranks(ratings) == {"a": (2 + 1.5) / 2, "b": (1 + 1.5) / 2, "c": 3}


def test_kendall_w() -> None:
    """Sums 4, 5, 9, 12 around 7.5: S = 41, W = 12 * 41 / (9 * 60). With a tie in the first of two rows: sums
    2, 4.5, 5.5 around 4, S = 6.5, T = 6, W = 12 * 6.5 / (4 * 24 - 2 * 6)."""
    assert kendall_w([[1, 2, 3, 4], [1, 2, 3, 4], [2, 1, 3, 4]]) == pytest.approx(492 / 540)
    assert kendall_w([[1, 2.5, 2.5], [1, 2, 3]]) == pytest.approx(78 / 84)
    assert kendall_w([[1, 2, 3]] * 4) == 1
    assert kendall_w([[1, 2], [2, 1]]) == 0
    assert kendall_w([[1, 2.5, 2.5]] * 3) == 1, "equal rows agree, ties or not"
    assert kendall_w([[1, 2, 3]]) is None and kendall_w([[2, 2, 2]] * 2) is None


FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1), (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip
"""Ten items, fourteen raters, five categories; shares .143 .200 .279 .150 .229; the means .378 and .213."""


def test_fleiss_kappa() -> None:
    choices = [
        [name for name, count in zip("abcde", row, strict=True) for _ in range(count)] for row in FLEISS
    ]
    assert fleiss_kappa(choices) == pytest.approx((0.378 - 0.213) / (1 - 0.213), abs=0.001)
    # two items, two raters: one agrees, one does not; shares 3/4 and 1/4: (1/2 - 10/16) / (1 - 10/16)
    assert fleiss_kappa([["a", "a"], ["a", "b"]]) == pytest.approx(-1 / 3)
    assert fleiss_kappa([["a", "a"], ["b", "b"]]) == 1
    assert fleiss_kappa([["a", "a"], ["b", "b"], ["b"]]) == 1, "an item with one rater does not count"
    assert fleiss_kappa([["a"], ["b"]]) is None and fleiss_kappa([["a", "a"]] * 3) is None


def test_agreement_of_ratings() -> None:
    """Item 1: both rank alike (W 1, first a); item 2: opposite ranks of two systems (W 0, first a and b)."""

    def rating(rater: str, item: str, a: int, b: int) -> Rating:
        return Rating(rater, item, mid_ranks({"a": a, "b": b}))

    given = [("r", "1", 1, 2), ("s", "1", 1, 2), ("r", "2", 1, 2), ("s", "2", 2, 1), ("r", "3", 1, 1)]
    w, kappa, several = agreement(Ratings(("a", "b"), tuple(rating(*one) for one in given)))
    assert (w, several) == (0.5, 2) and kappa == pytest.approx(-1 / 3)
