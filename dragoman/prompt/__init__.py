"""The one place where turns become text and ids."""
