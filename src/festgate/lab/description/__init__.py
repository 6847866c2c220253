"""The description of a starter: the app that a course hands out, and the facts about it that the lab needs."""
