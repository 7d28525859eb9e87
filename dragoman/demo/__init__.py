"""The demo: a generated phrasebook in four languages, and the script that makes the tiny base model."""
