"""Held-out dialogues: a system answers turn by turn; what it did to its draft is measured."""
