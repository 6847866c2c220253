"""The functions of the door that other modules may call."""

from festgate.portal.door.admissions import admit
from festgate.portal.door.queries import Attendance, all_attendances, arrivals_over_time, attendance_of

__all__ = [
    "Attendance",
    "admit",
    "all_attendances",
    "arrivals_over_time",
    "attendance_of",
]
