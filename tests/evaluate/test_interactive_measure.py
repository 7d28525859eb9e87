"""Dialogues by hand: what is met, what is kept, what is undone; two ways to hold the draft; paired tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import sacrebleu
from hand_dialogues import (
    DRAFT,
    RIGHT,
    SOURCE,
    SWAP,
    both,
    corrected,
    held,
    long,
    opened,
    perfect,
    said,
    talk,
)

from dragoman.errors import DataError
from dragoman.evaluate.interactive.ask import ask_all, copy_draft
from dragoman.evaluate.interactive.measure import marks_of, measured, meets
from dragoman.evaluate.interactive.score import add_rows, compare_talks, rows_of
from dragoman.evaluate.interactive.table import of_rows, parted, show
from dragoman.evaluate.interactive.transcript import Answer, Talk, Transcript, read_talks, write_talk
from dragoman.evaluate.results import DEMAND, Results, Row, merge, read_results, write_results
from dragoman.instruct.interactive.correction import Correction
from dragoman.language.language import Direction
from dragoman.prompt.example import Turn
from dragoman.translate.prompts import Request


def values(of: Talk) -> dict[str, float]:
    """Measures by name."""
    return {scores.metric: scores.value for scores in measured(of)}


# draft, demand, answers that meet it, answers that do not
KINDS = {
    "vocabulary/replace": (DRAFT, SWAP, [RIGHT, "Der Rüde rennt."], [DRAFT, "Ein Rüde, kein Hund.", ""]),
    "vocabulary/include": (DRAFT, Correction("vocabulary/include", ("Rüde",)), [RIGHT], [DRAFT, "Rüden."]),
    "vocabulary/exclude": (
        DRAFT, Correction("vocabulary/exclude", (), ("Hund",)),
        ["Ein Tier läuft im Garten."], [DRAFT, "", "Tier."],
    ),
    "vocabulary/name": (
        "Ptere läuft.", Correction("vocabulary/name", ("Peter",), ("Ptere",)), ["Peter läuft."], ["Ptere."],
    ),
    "grammar/double": (
        "Ein Hund läuft läuft.", Correction("grammar/double", (), ("läuft läuft",)),
        ["Ein Hund läuft."], ["Ein Hund läuft läuft.", "Der Hund läuft läuft."],
    ),
    "grammar/order": (
        "Hund ein läuft.", Correction("grammar/order", ("ein Hund",), ("Hund ein",)),
        ["Ein Hund läuft."], ["Hund ein läuft.", "Hund läuft."],
    ),
    "content/omitted": (
        "Ein Hund läuft.", Correction("content/omitted", ("im Garten",)),
        [DRAFT], ["Ein Hund läuft.", "Im Haus."],
    ),
    "content/number": (
        "Zwei Hunde.", Correction("content/number", ("drei",), ("zwei",)),
        ["Drei Hunde."], ["Zwei Hunde.", "Hunde."],
    ),
    "style/revision": (DRAFT, Correction("style/revision", free=True), [RIGHT, "Anders."], [DRAFT, ""]),
    "content/leave-out": (
        DRAFT, Correction("content/leave-out", (), ("im Garten",)), ["Ein Hund läuft."], [DRAFT, "xx"],
    ),
    "question/target": (
        DRAFT, Correction("question/target", ("Garten",), (), ("garden",)),
        ["“garden” ist “Garten”.", "Garten"],
        [DRAFT, RIGHT, "läuft im Garten.", "Garten im läuft Hund Ein", "“garden” ist “Haus”.", ""],
    ),
    "question/source": (
        DRAFT, Correction("question/source", ("garden",), (), ("Garten",)),
        ["“Garten” translates “garden”."], [SOURCE, DRAFT, "It is a garden in which a dog runs in the sun."],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_demand_of_each_kind(kind: str) -> None:
    draft, asked, good, bad = KINDS[kind]
    assert asked.kind == kind
    for text in good:
        assert meets(asked, Answer(text, draft, None), SOURCE), text
    for text in bad:
        assert not meets(asked, Answer(text, draft, None), SOURCE), text


def test_a_clean_edit_stands_where_it_belongs() -> None:
    """What is tacked on at the end, said twice or taken from another place meets the demand all the same."""
    clean = {
        RIGHT: 100.0,
        "Ein läuft im Garten Rüde.": 0.0,
        "Ein Rüde Rüde läuft im Garten.": 0.0,
        "Ein Rüde läuft im Rüde Garten.": 0.0,
        "Ein Rüde läuft im Park.": 0.0,
    }
    for text, wanted in clean.items():
        found = values(talk(said(corrected(), text)))
        assert found["demand met"] == 100.0 and found["clean edit"] == wanted, text
    twice = opened("Ein Hund läuft läuft im Garten.")
    asked = Correction("grammar/double", (), ("läuft läuft",), ("läuft",))
    twice.correct("A word is doubled.", DRAFT, [asked])
    assert values(talk(said(twice, DRAFT)))["clean edit"] == 100.0
    assert values(talk(said(twice, "Ein Hund im Garten.")))["clean edit"] == 0.0, "both are gone"


def test_words_of_two_corrections_in_each_other_s_place_are_not_clean() -> None:
    asked = [
        Correction("content/word", ("Hund",), ("Katze",)),
        Correction("content/word", ("roten",), ("blauen",)),
    ]
    two = opened("Ein Katze läuft im blauen Garten.")
    two.correct("Both are wrong.", "Ein Hund läuft im roten Garten.", asked)
    answers = {"Ein Hund läuft im roten Garten.": 100.0, "Ein roten läuft im Hund Garten.": 0.0}
    for text, wanted in answers.items():
        found = values(talk(said(two, text)))
        assert (found["demand met"], found["clean edit"]) == (100.0, wanted)


def test_a_ban_is_met_cleanly_by_the_right_word_or_one_that_serves() -> None:
    ban = opened()
    asked = Correction("vocabulary/exclude", (), ("Hund",), ("Rüde",), instead=("Köter",))
    ban.correct("Avoid Hund.", RIGHT, [asked])
    clean = {RIGHT: 100.0, "Ein Köter läuft im Garten.": 100.0}
    wrong = dict.fromkeys(
        [
            "ein Rüde läuft im Garten.",
            "Ein läuft im Garten.",
            "Ein Rüde Köter läuft im Garten.",
            "Ein Tier läuft im Garten.",
        ],
        0.0,
    )
    for text, wanted in (clean | wrong).items():
        found = values(talk(said(ban, text)))
        assert (found["demand met"], found["clean edit"]) == (100.0, wanted), text


def test_text_without_spaces_may_have_a_character_twice() -> None:
    dance = opened("一个男人和桌子在跳舞。")
    asked = Correction("content/word", ("少年",), ("桌子",), instead=("青年人",))
    dance.correct("“youth” is translated wrongly.", "一个男人和少年在跳舞。", [asked])
    for text, wanted in {"一个男人和青年人在跳舞。": 100.0, "一个男人和青年人少年在跳舞。": 0.0}.items():
        found = values(talk(said(dance, text)))
        assert (found["demand met"], found["clean edit"]) == (100.0, wanted), text


def test_what_the_user_does_not_name_may_be_said_otherwise() -> None:
    asked = Correction("content/word", ("Hund",), ("Katze",), instead=("Rüde", "Köter"))
    wrong = opened("Eine Katze läuft im Garten.")
    wrong.correct("“dog” is translated wrongly.", "Eine Hund läuft im Garten.", [asked])
    for text, wanted in {"Eine Köter läuft im Garten.": 100.0, "Eine Maus läuft im Garten.": 0.0}.items():
        found = values(talk(said(wrong, text)))
        assert found["demand met"] == found["clean edit"] == wanted and found["rest unchanged"] == 100.0


def test_rest_unchanged_by_hand() -> None:
    """The draft has six words and signs, five outside the edit; of those 5 and 4, then 1 are kept."""
    found = values(talk(said(corrected(), RIGHT), said(corrected("test:2"), "Ein Rüde rennt im Garten.")))
    assert found["rest unchanged"] == pytest.approx(100 * (5 / 5 + 4 / 5) / 2)
    assert found["demand met"] == 100.0
    found = values(talk(said(corrected(), "Der Rüde war hier.")))
    assert found["rest unchanged"] == pytest.approx(100 * 1 / 5), "the full stop"


def test_kinds_turns_and_users_apart() -> None:
    """Turn 2 and 4 are corrections, turn 3 is a question, turn 5 the way back."""
    answers = (DRAFT, "“garden” ist “Garten”.", "Ein Rüde läuft.", "Ein Rüde läuft im Garten")
    found = values(talk(said(corrected(), RIGHT), said(long(), *answers)))
    assert found["demand met: vocabulary"] == 50.0 and found["demand met: turn 2"] == 50.0
    assert found["demand met: question"] == 100.0 and "demand met: turn 3" not in found
    assert found["demand met: content"] == found["demand met: turn 4"] == 100.0
    assert found["demand met"] == pytest.approx(100 * 2 / 3), "without the question"
    assert found["demand met: user en"] == 100.0 and found["demand met: user other"] == 50.0
    assert "rest unchanged: question" not in found and "demand met: turn 5" not in found
    assert found["undo exact"] == 0.0, "the full stop is missing"
    exact = said(long(), *answers[:3], RIGHT)
    assert values(talk(exact))["undo exact"] == 100.0


def test_users_are_compared_in_the_directions_that_have_both() -> None:
    """Of three directions one has a user who speaks English alone, and gets all that it asks for."""
    rows = [
        Row("x", 1, direction, "all", f"{DEMAND}: user {user}", value, "s", 9)
        for direction, user, value in [
            ("en-de", "en", 40.0), ("en-de", "other", 20.0), ("fr-en", "en", 60.0), ("fr-en", "other", 40.0),
            ("en-cs", "en", 100.0),
        ]
    ]  # fmt: skip
    ((_, cells),) = parted(of_rows(rows), DEMAND, "all").rows
    assert [str(cell) for cell in cells] == ["50.0", "30.0"]
    alone = parted(of_rows([row for row in rows if row.metric.endswith("en")]), DEMAND, "all")
    assert [str(cell) for cell in alone.rows[0][1]] == ["66.7"]


def test_a_clean_edit_does_what_is_asked_and_nothing_else() -> None:
    answers = {
        RIGHT: 100.0,
        "Ein Rüde rennt im Garten.": 0.0,  # the demand is met, and another word changed
        "Ein großer Rüde läuft im Garten.": 0.0,  # nothing is lost, but something is added
        DRAFT: 0.0,
        "": 0.0,
    }
    for text, share in answers.items():
        assert values(talk(said(corrected(), text)))["clean edit"] == share, text
    assert values(talk(said(corrected(), "Ein großer Rüde läuft im Garten.")))["rest unchanged"] == 100.0


def test_two_demands_in_one_turn_count_for_themselves() -> None:
    dialogue = opened("Ein Hund läuft läuft.")
    double = Correction("grammar/double", (), ("läuft läuft",))
    dialogue.correct("Two things.", "Ein Rüde läuft.", [SWAP, double])
    found = values(talk(said(dialogue, "Ein Hund läuft.")))
    assert (found["demand met: vocabulary"], found["demand met: grammar"]) == (0.0, 100.0)
    assert found["demand met"] == 50.0 and found["rest unchanged"] == 100.0


def test_what_speaks_of_history_counts_as_that() -> None:
    marks = [mark for mark in marks_of(perfect(both())) if mark.measure == "demand met"]
    kinds = [sorted(mark.parts & {"grammar", "vocabulary", "history"}) for mark in marks]
    assert kinds == [["grammar"], ["history"], ["history"], ["history"]]
    assert all(mark.value == 1.0 for mark in marks)


def test_the_last_version_is_scored_as_sacrebleu_does() -> None:
    texts = ["Ein Rüde rennt im Garten.", RIGHT]
    found = measured(talk(said(corrected(), texts[0]), said(long(), DRAFT, "Garten", DRAFT, texts[1])))
    scores = {one.metric: one for one in found}
    references = [[RIGHT, RIGHT]]
    assert scores["final BLEU"].value == pytest.approx(sacrebleu.corpus_bleu(texts, references).score)
    chrf = sacrebleu.corpus_chrf(texts, references, word_order=2).score
    assert scores["final chrF++"].value == pytest.approx(chrf)
    assert scores["final BLEU"].signature.startswith("nrefs:1|")
    assert "dialogues:12345678|draft:fixed" in scores["final BLEU"].signature
    only = opened()
    only.reply(
        "How is garden translated?", "Garten", "question/target", [Correction("question/target", ("Garten",))]
    )
    assert "final BLEU" not in values(talk(said(only, "Garten"))), "nothing but the request made a version"


def test_copying_the_draft_meets_nothing_and_keeps_all() -> None:
    found = values(talk(*ask_all([corrected(), long(), both()], copy_draft)))
    assert found["demand met"] == 0.0 and found["rest unchanged"] == 100.0 and found["undo exact"] == 0.0
    assert found["clean edit"] == 0.0
    best = values(talk(perfect(corrected()), perfect(long()), perfect(both())))
    assert all(value == pytest.approx(100.0) for value in best.values()) and len(best) > 10


# -- what is asked


def test_with_a_fixed_draft_everybody_is_asked_the_same() -> None:
    dialogue, asked = long(), []

    def hear(requests: list[Request], drafts: list[str]) -> list[str]:
        asked.extend((request.turns, draft) for request, draft in zip(requests, drafts, strict=True))
        return ["Unsinn."] * len(requests)

    ask_all([dialogue], hear)
    wanted = dialogue.example().turns
    for number, (turns, draft) in enumerate(asked, 1):
        assert turns is not None
        assert [(t.role, t.content, t.input) for t in turns] == [
            (t.role, t.content, t.input) for t in wanted[: 2 * number + 1]
        ], "the prompt is what training reads before the answer"
        before = dialogue.rounds[number].before
        assert before is not None and draft == dialogue.versions[before]


def test_with_its_own_draft_a_system_goes_on_from_what_it_said() -> None:
    def answer(said: str, draft: str) -> str:
        return "Ein Rüde rennt im Garten." if "Rüde" in said else draft.replace(" im Garten", "")

    (found,) = held([long()], answer, own=True)
    first, question, wish, undo = found.answers[1:]
    assert first == Answer("Ein Rüde rennt im Garten.", DRAFT, None)
    assert question is not None and question.draft == "Ein Rüde rennt im Garten."
    assert wish == Answer("Ein Rüde rennt.", "Ein Rüde rennt im Garten.", None)
    assert undo == Answer("Ein Rüde rennt.", "Ein Rüde rennt.", "Ein Rüde rennt im Garten.")
    scores = values(talk(found, draft="own"))
    assert scores["undo exact"] == 0.0 and scores["demand met: content"] == 100.0
    # of the draft's words but Hund and Rüde 4 of 5 are kept, then all but those named
    assert scores["rest unchanged"] == pytest.approx(100 * (4 / 5 + 1) / 2)


def test_of_its_own_draft_only_what_makes_sense_is_asked() -> None:
    """A system that leaves out the garden at once is not asked to, nor how it translated it, nor to undo."""
    (found,) = held([long()], lambda said, draft: "Ein Rüde läuft.", own=True)
    assert [answer is None for answer in found.answers] == [True, False, True, True, True]
    (found,) = held([long()], lambda said, draft: "", own=True)  # says nothing: the draft stays
    assert found.answers[3] == Answer("", DRAFT, None) and found.answers[4] is None


def test_in_single_turns_source_draft_and_demand_stand_in_one() -> None:
    asked: list[tuple[Turn, ...]] = []

    def hear(requests: list[Request], drafts: list[str]) -> list[str]:
        asked.extend(request.turns for request in requests if request.turns)
        return drafts

    ask_all([both()], hear, single=True)
    assert [len(turns) for turns in asked] == [1, 5, 7], "what speaks of earlier versions needs them"
    (turn,) = asked[0]
    assert turn.content == "Translate into German:"
    assert turn.input == f"{SOURCE}\nEin Hund läuft läuft im Garten.\nA word is doubled."


# -- rows, files, tests


def test_rows_as_the_other_metrics_have_them(tmp_path: Path) -> None:
    talks = [talk(said(corrected(), RIGHT), perfect(long()), seed=3)]
    rows = rows_of(talks, [Direction("en", "de")])
    (row,) = [row for row in rows if row.metric == "demand met: vocabulary"]
    assert row == Row("system", 3, "en-de", "supervised", "demand met: vocabulary", 100.0, row.signature, 2)
    path = tmp_path / "results.json"
    plain = Row("other", 3, "en-de", "supervised", "BLEU", 20.0, "tok:13a", 2)
    write_results(path, Results(rows=[plain]))
    results = add_rows(path, rows)
    again = read_results(path)
    assert again.rows == results.rows == [plain] and again.dialogues == rows, "they stand apart"
    assert again.metrics == ["BLEU"] and again.systems == ["other"]
    add_rows(path, rows_of([talk(perfect(long()), seed=3)]))
    assert {row.group for row in read_results(path).dialogues} == {"all"}, "those of the same system go"
    assert "demand met, by kind" in show(of_rows(rows)) and "BLEU" not in show(of_rows(rows[:3]))
    assert show(of_rows([])) == ""


def test_seeds_are_averaged_as_other_scores_are() -> None:
    parts = [
        Results(dialogues=rows_of([talk(said(corrected(), text), seed=seed)]))
        for seed, text in ((1, RIGHT), (2, DRAFT))
    ]
    (average,) = of_rows(merge(parts).dialogues).averages("system", "all", "demand met")
    assert (average.value, average.seeds) == (50.0, 2)
    with pytest.raises(DataError, match=r"two .* scores in en-de with seed 1"):
        merge([parts[0], parts[0]])


def test_transcripts_come_back_from_disk(tmp_path: Path) -> None:
    (own,) = held([long()], lambda said, draft: "Ein Rüde läuft.", own=True)
    one = talk(perfect(corrected()), own, draft="own", single=True, seed=5)
    write_talk(tmp_path, one)
    (found,) = read_talks(tmp_path)
    assert [t.to_json() for t in found.transcripts] == [t.to_json() for t in one.transcripts]
    assert (found.signature, found.seed, found.direction) == (one.signature, 5, one.direction)
    with pytest.raises(DataError, match="no transcripts of 'none'; there: system"):
        read_talks(tmp_path, ["none"])
    path = tmp_path / "transcripts" / "system" / "en-de.jsonl"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    for bad, message in (
        ([head, rows[0][:40]], r"en-de.jsonl:2: not JSON"),
        (rows, r"en-de.jsonl: no transcripts"),
        (
            [head, rows[0].replace('"answers": [null, ', '"answers": [')],
            r"en-de.jsonl:2: `answers` must have",
        ),
    ):
        path.write_text("\n".join(bad) + "\n", encoding="utf-8")
        with pytest.raises(DataError, match=message):
            read_talks(tmp_path)


def test_two_systems_on_the_same_dialogues() -> None:
    dialogues = [corrected(f"test:{number}") for number in range(30)]
    good = talk(*map(perfect, dialogues), system="good")
    copy = talk(*ask_all(dialogues, copy_draft), system="copy")
    found = compare_talks([copy], [good], trials=200)
    by_metric = {item.metric: item for item in found.differences}
    assert (found.first, found.second) == ("copy", "good")
    assert (
        by_metric["demand met"].test.difference == 100.0 and by_metric["demand met"].test.p_bootstrap < 0.01
    )
    assert by_metric["rest unchanged"].test.difference == 0.0
    assert by_metric["rest unchanged"].test.p_randomisation == 1.0
    assert "demand met: vocabulary" in by_metric and "demand met: turn 2" not in by_metric
    row = found.to_json()[0]
    assert {"a", "b", "metric", "direction", "p_bootstrap"} <= row.keys()


def test_systems_that_were_asked_other_things_are_not_compared() -> None:
    one, two = talk(perfect(corrected())), talk(perfect(long()), system="other")
    with pytest.raises(DataError, match="system and other were not asked the same"):
        compare_talks([one], [two])
    own = Talk("own", one.direction, one.transcripts, one.asked, "own")
    with pytest.raises(DataError, match=r"draft fixed; .*, draft own"):
        compare_talks([one], [own])
    single = Talk("single", one.direction, one.transcripts, one.asked, single=True)
    assert compare_talks([one], [single], trials=20).second == "single", "the form may differ"
    with pytest.raises(DataError, match="share no direction"):
        compare_talks([one], [])


def test_text_without_spaces_is_counted_by_its_characters() -> None:
    dialogue = opened("一只狗在花园里跑。")
    asked = Correction("vocabulary/replace", ("犬",), ("狗",))
    dialogue.correct("Use 犬.", "一只犬在花园里跑。", [asked])
    transcript = Transcript(dialogue, (None, Answer("一只犬在花园跑。", dialogue.versions[0], dialogue.text)))
    found = values(talk(transcript))
    assert found["rest unchanged"] == pytest.approx(100 * 7 / 8)
