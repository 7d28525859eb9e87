"""Wordings are the published ones, in the languages they are offered in; mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.errors import RecipeError
from dragoman.language.language import Direction
from dragoman.prompt.example import Turn, assistant, user
from dragoman.prompt.templates import load_template
from dragoman.recipe import Prompt, TemplateWording

EN_DE = Direction("en", "de")
PREAMBLE = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
)
INSTRUCTION = "### Instruction:\nTranslate the following sentences from English to German.\n\n"


def written(
    name: str, direction: Direction = EN_DE, language: str = "en", text: str | None = "The house."
) -> str:
    template = load_template(name)
    turns = (user(template.instruction("mt", direction, language), text),)
    return "".join(
        piece.text for block in template.blocks(turns, direction, language) for piece in block.before
    )


def test_published_wordings() -> None:
    assert written("alpaca") == PREAMBLE + INSTRUCTION + "### Input:\nThe house.\n\n### Response:"
    assert written("alpaca-post") == PREAMBLE + "### Input:\nThe house.\n\n" + INSTRUCTION + "### Response:"
    assert written("plain") == "Translate from English to German.\nEnglish: The house.\nGerman: "
    assert written("alma") == "Translate this from English to German:\nEnglish: The house.\nGerman:"
    assert written("bayling").endswith(
        "Write a response that completes the request.\n\n### Instruction:\n"
        "Provide the German translation for this sentence: The house.\n### Response:\n"
    )


def test_the_default_system_text_claims_nobodys_name() -> None:
    system = load_template("bayling").system["*"]
    assert "ICT" not in system and "BayLing" not in system


def test_a_system_turn_takes_the_place_of_the_system_text() -> None:
    turns = (Turn("system", "You are Ada."), user("Hello."))
    pieces = load_template("bayling").blocks(turns)[0].before
    assert "".join(p.text for p in pieces) == "You are Ada.\n\n### Instruction:\nHello.\n### Response:\n"
    assert pieces[0].data


@pytest.mark.parametrize("language", ["en", "de", "fr", "it", "nl", "ro", "cs"])
@pytest.mark.parametrize("name", ["alpaca", "alpaca-post"])
def test_the_whole_prompt_stands_in_its_language(name: str, language: str) -> None:
    text = written(name, Direction("en", language), language)
    frame = load_template(name).frames[language]
    delimiters = load_template(name).delimiters
    headers = [line for line in text.split("\n") if line.startswith("###")]
    assert len(headers) == 3 and all(line in delimiters for line in headers)
    for other in set(load_template(name).frames) - {language}:
        assert load_template(name).frames[other] != frame
    if language != "en":
        assert "Translate" not in text and "English" not in text
    short = written(name, Direction("en", language), language, None)
    assert "The house." not in short and len([x for x in short.split("\n") if x.startswith("###")]) == 2


def test_three_letter_codes_and_regions_find_their_language() -> None:
    assert written("alpaca", Direction("eng", "deu"), "deu") == written("alpaca", EN_DE, "de")


def test_prompt_language_without_wording_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"'alpaca' has no wording of task 'mt' in 'zu'; known: cs, de"):
        load_template("alpaca").instruction("mt", EN_DE, "zu")


def test_names_stand_in_the_prompt_language() -> None:
    text = load_template("alma").blocks((user("Vas-y.", "The house."),), EN_DE, "fr")
    assert "".join(p.text for p in text[0].before) == "Vas-y.\nanglais: The house.\nallemand:"


def test_labels_without_a_direction_are_left_out() -> None:
    pieces = load_template("plain").blocks((user("Sum up.", "A long text."),))[0].before
    assert "".join(p.text for p in pieces) == "Sum up.\nA long text.\n"


def test_later_turns_repeat_the_frame() -> None:
    template = load_template("bayling")
    blocks = template.blocks((user("a"), assistant("b"), user("c")))
    assert [block.answer is None for block in blocks] == [False, True]
    assert "".join(p.text for p in blocks[1].before) == "\n### Instruction:\nc\n### Response:\n"


def mine(frame: str, **more: object) -> Prompt:
    return Prompt(template="mine", templates={"mine": TemplateWording(frame=frame, **more)})  # type: ignore[arg-type]


def test_a_template_of_ones_own() -> None:
    template = load_template(mine("Q: {instruction} {input}\nA:", wordings={"mt": {"en": "In {target}:"}}))
    turns = (user(template.instruction("mt", EN_DE), "The house."),)
    assert "".join(p.text for p in template.blocks(turns, EN_DE)[0].before) == "Q: In German: The house.\nA:"
    assert set(template.delimiters) == {"Q:", "\nA:"}
    assert template.instruction("mt", EN_DE) == "In German:"
    without = load_template(mine("{instruction}\n{input}\n=>", frame_no_input="{instruction}\n=>"))
    assert without.frames["*"].without_input == "{instruction}\n=>"
    assert without.instruction("mt", EN_DE).startswith("Translate the following")


def test_a_template_of_ones_own_can_take_a_known_name() -> None:
    prompt = Prompt(template="alma", templates={"alma": TemplateWording(frame="{instruction}|{input}|")})
    assert load_template(prompt).frames["*"].with_input == "{instruction}|{input}|"


def test_mistakes_are_named() -> None:
    with pytest.raises(RecipeError, match=r"unknown template 'alpacca'; known: .*did you mean 'alpaca'\?"):
        load_template("alpacca")
    with pytest.raises(
        RecipeError, match=r"unknown placeholder \{inptu\}; known: .*did you mean \{input\}\?"
    ):
        load_template(mine("{instruction} {inptu}"))
    with pytest.raises(RecipeError, match=r"\{instruction\} is missing"):
        load_template(mine("{input}"))
    with pytest.raises(RecipeError, match="write a literal brace twice"):
        load_template(mine("{instruction} {"))
    with pytest.raises(
        RecipeError, match=r"wording of task 'mt' \(en\): unknown placeholder \{tagret\}; .*\{target\}\?"
    ):
        load_template(mine("{instruction} {input}", wordings={"mt": {"en": "To {tagret}"}}))
    with pytest.raises(RecipeError, match="no wording for task 'sing'"):
        load_template("alpaca").instruction("sing", EN_DE)


def test_wordings_take_further_values() -> None:
    template = load_template(mine("{instruction}", wordings={"hint": {"en": "Use {words} in {target}."}}))
    assert template.instruction("hint", EN_DE, words="Haus") == "Use Haus in German."
    with pytest.raises(RecipeError, match=r"placeholder 'words' has no value; known: \{source\}, \{target\}"):
        template.instruction("hint", EN_DE)


def test_the_wordings_come_with_the_package() -> None:
    import dragoman.prompt

    assert (Path(dragoman.prompt.__file__).parent / "templates.yaml").is_file()
