"""The fest that is measured: its data folder, filled through the portal's own deeds and not over HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

from festgate.accounts.people import Newcomer, add_person
from festgate.accounts.sessions import open_session
from festgate.catalogue.facade import Event, create_event, publish_event
from festgate.checkout.methods import Paid
from festgate.checkout.orders import mark_paid, place_order
from festgate.checkout.sandbox import charge
from festgate.kit.clock import HOUR
from festgate.kit.commands import opened
from festgate.kit.database import Database
from festgate.kit.statements import Connection
from festgate.registrations.holds import hold_seat
from festgate.settings import Settings

