"""The functions of the door that other modules may call."""

from festgate.portal.door.admissions import admit

__all__ = ["admit"]
