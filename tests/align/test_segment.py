"""Text without spaces: where it is cut, when it is cut, and links in the user's own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.align.aligner import Aligner
from dragoman.align.segment import cut, cut_line, kinds_of, needs_cutting
from dragoman.align.vocabulary import key_of, stem_order


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("我喜欢书。", "我 喜 欢 书 。"),
        ("コーヒーを飲んだ", "コーヒー を 飲 ん だ"),
        ("行っちゃった", "行 っ ちゃっ た"),
        ("สวัสดีครับ", "ส วั ส ดี ค รั บ"),
        ("เปิดประตู", "เปิ ด ป ร ะ ตู"),
        ("ສະບາຍດີ", "ສະ ບາ ຍ ດີ"),
        ("ភាសាខ្មែរ", "ភា សា ខ្មែ រ"),
        ("မြန်မာစကား", "မြန် မာ စ ကား"),
        ("မင်္ဂလာပါ", "မင်္ဂ လာ ပါ"),
        ("用Python3写的", "用 Python3 写 的"),
        ("3.5公里", "3 . 5 公 里"),
    ],
)
def test_units(text: str, units: str) -> None:
    assert "".join(cut(text)) == text
    if "ะ" not in text:
        assert cut(text) == units.split()


@given(st.text(min_size=1))
def test_units_give_the_word_again(text: str) -> None:
    assert "".join(cut(text)) == text
    assert all(cut(text))


def test_units_know_their_word() -> None:
    units, owners = cut_line("我们 OK 吗")
    assert [unit.decode() for unit in units] == ["我", "们", "OK", "吗"]
    assert owners == [0, 0, 1, 2]


def test_only_text_without_spaces_is_cut() -> None:
    assert needs_cutting(["我喜欢你们的书和他的房子。"])
    assert not needs_cutting(["我 喜欢 你们 的 书 和 他 的 房子 。"])
    assert needs_cutting(["เขาอ่านหนังสือในห้องสมุดทุกวัน"])
    assert not needs_cutting(
        ["He likes 我喜欢你们的书 in this long English sentence of his own making indeed."]
    )
    assert not needs_cutting(["Das Haus", ""])
    assert not needs_cutting([])
    assert kinds_of(["コーヒーを飲む"]) == "Hani, Kana, Hira"


def test_links_are_in_the_users_words_and_in_units() -> None:
    chinese = ["我有一本好书", "你有一本好书", "我有一所房子", "他有一所大房子", "我 你 他"] * 3
    english = ["i have one good book", "you have one good book", "i have one house", "he has one big house"]
    english = [*english, "i you he"] * 3
    aligner = Aligner()
    found = aligner.train_align(chinese, english)
    assert aligner.source.cut == "Hani"
    assert aligner.target.cut == ""
    assert {i for i, _ in found[0]} == {0}
    assert found[4] == [(0, 0), (1, 1), (2, 2)]
    assert found.units is not None
    assert max(i for i, _ in found.units[0]) > 0
    whole = Aligner(segment="words").train_align(chinese, english)
    assert whole.units is None


def test_types_and_stems() -> None:
    assert [key_of(word.encode()) for word in ("Straße,", "«L'homme»", "...", "A\u0308", "हिन्दी।")] == [
        "straße", "l'homme", "...", "ä", "हिन्दी",
    ]  # fmt: skip
    stems, numbers, order = stem_order(["haus", "laufen", "hausx", "laufend"], 5)
    assert stems == ["haus", "laufe", "hausx"]
    assert numbers.tolist() == [0, 1, 2, 1]
    assert order.tolist() == [0, 1, 3, 2]
    assert stem_order(["laufen", "laufend"], 0)[0] == ["laufen", "laufend"]
