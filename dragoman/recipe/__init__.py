"""The recipe: one YAML file that says which base, which text, which stages and which evaluation make a run.

Every class here is one section of the file; the docstring under a field is its documentation. Unknown keys
are errors; all mistakes are reported at once, each with its key, line and the nearest known name
(:func:`dragoman.recipe_file.load_recipe`).
"""

from dragoman.recipe.data import Data, Filters, Source, Variants
from dragoman.recipe.evaluate import Decoding, Evaluate, Interaction, Probe, SystemSpec, Validation
from dragoman.recipe.model import Lora, Model, Prompt, TemplateWording
from dragoman.recipe.recipe import Recipe
from dragoman.recipe.section import Section
from dragoman.recipe.stage import TASK_NAMES, Objective, Stage, TaskSpec

__all__ = [
    "TASK_NAMES",
    "Data",
    "Decoding",
    "Evaluate",
    "Filters",
    "Interaction",
    "Lora",
    "Model",
    "Objective",
    "Probe",
    "Prompt",
    "Recipe",
    "Section",
    "Source",
    "Stage",
    "SystemSpec",
    "TaskSpec",
    "TemplateWording",
    "Validation",
    "Variants",
]
