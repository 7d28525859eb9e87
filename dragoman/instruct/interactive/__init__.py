"""Interactive translation: dialogues in which a user corrects, asks and goes back (docs/dialogues.md).

``compare``, ``correction``, ``dialogue`` and ``check`` know nothing of how dialogues are built: a chat keeps
its sessions in them, and evaluation judges answers by them.
"""
