"""Which script a text is written in, for many lines at once.

Python's ``unicodedata`` has no script property; the first word of a letter's Unicode name serves instead
(``scripts.tsv``). Chinese characters are ``Hani``; whether a Chinese text is simplified or traditional is
told by common characters that only one of the two uses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dragoman.language import tables

_BY_NAME = tables.scripts()
COMMON = "Zyyy"
"""Letters of no script in particular, or of one that is not in the list."""
SCRIPTS = (*sorted(set(_BY_NAME.values())), COMMON)
_INDEX = {script: number for number, script in enumerate(SCRIPTS)}
_WRITTEN_WITH = {
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
}

_SIMPLIFIED = (
    "国这个们来时为会对说没过还发经学开长见问间关动现电车书东门马业气无头实点话语万边样给让从两亲爱认识应该觉听难总场"
    "华报战体军术将组级选党进运远连医卖买广产义乐习乡飞鱼鸟龙岁师热红绿线结网罗节药虽虫蓝观规视讲许论设证试课谁请读谢负"
    "财贵费赛转轻较输达迟适遗邮钟钱铁银错阳阴队际陆陈险顶项顺须顾预领题颜风饭饮馆驾验"
)
_TRADITIONAL = (
    "國這個們來時為會對說沒過還發經學開長見問間關動現電車書東門馬業氣無頭實點話語萬邊樣給讓從兩親愛認識應該覺聽難總場"
    "華報戰體軍術將組級選黨進運遠連醫賣買廣產義樂習鄉飛魚鳥龍歲師熱紅綠線結網羅節藥雖蟲藍觀規視講許論設證試課誰請讀謝負"
    "財貴費賽轉輕較輸達遲適遺郵鐘錢鐵銀錯陽陰隊際陸陳險頂項順須顧預領題顏風飯飲館駕驗"
)
_HANS, _HANT = str.maketrans("", "", _SIMPLIFIED), str.maketrans("", "", _TRADITIONAL)

_NO_LETTER = 255
_known = np.full(0x110000, 254, np.uint8)


def _number(point: int) -> int:
    character = chr(point)
    if unicodedata.category(character)[0] != "L":
        return _NO_LETTER
    name = unicodedata.name(character, "?").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return _INDEX[_BY_NAME.get(re.split("[ -]", name)[0], COMMON)]


def script_counts(texts: list[str]) -> NDArray[np.int64]:
    """Letters per line and script: (lines, len(SCRIPTS)); marks, digits and punctuation count for none."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    numbers = _known[points]
    new = np.unique(points[numbers == 254])
    if len(new):
        _known[new] = [_number(point) for point in new.tolist()]
        numbers = _known[points]
    cells = np.repeat(np.arange(len(texts)), lengths) * len(SCRIPTS) + numbers
    counts = np.bincount(cells[numbers != _NO_LETTER], minlength=len(texts) * len(SCRIPTS))
    return counts.reshape(len(texts), len(SCRIPTS))


def columns(scripts: tuple[str, ...]) -> NDArray[np.int64]:
    """The columns of :func:`script_counts` that a language written in ``scripts`` may use."""
    parts = {COMMON} | {part for script in scripts for part in _WRITTEN_WITH.get(script, (script,))}
    return np.array(sorted(_INDEX[part] for part in parts if part in _INDEX), np.int64)


def scripts_in(texts: Sequence[str]) -> tuple[str, ...]:
    """The scripts that hold more than 1 % of the letters of all texts together."""
    letters = np.zeros(len(SCRIPTS), np.int64)
    for start in range(0, len(texts), 1000):
        letters += script_counts(list(texts[start : start + 1000])).sum(0)
    return tuple(SCRIPTS[index] for index in np.flatnonzero(letters > 0.01 * letters.sum()))


def script_of(text: str) -> str:
    """ISO 15924 code of most letters of a text: Latn, Jpan, Kore, Hans, Hant or Hani; '' without any."""
    counts = script_counts([text])[0]
    if not counts.any():
        return ""
    if counts[_INDEX["Hira"]] + counts[_INDEX["Kana"]] > 0.2 * counts.sum():
        return "Jpan"
    script = SCRIPTS[int(counts.argmax())]
    if script == "Hang":
        return "Kore"
    if script != "Hani":
        return script
    simplified = len(text) - len(text.translate(_HANS))
    traditional = len(text) - len(text.translate(_HANT))
    if simplified == traditional:
        return "Hani"
    return "Hans" if simplified > traditional else "Hant"
