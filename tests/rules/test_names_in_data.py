"""Names that are stored in the data never change, because a fest's data outlive the version that wrote them.

The lists are those of the first data folders in use. New names are added and existing ones never changed. A name that
is no longer written stays known as long as such data may exist.
"""

from dataclasses import fields
from importlib import import_module
from typing import Any

from festgate.drills import plan
from festgate.kit.messaging.mail_parts import Attachment
from festgate.kit.messaging.outbox import Fact, Subscription
from festgate.kit.resilience.faults import Fault
from festgate.portal import composition, inventory
from festgate.portal.accounts.guest_claims import claim_subscriptions
from festgate.portal.checkout import handlers as checkout_handlers
from festgate.portal.registrations import handlers as registration_handlers
from festgate.portal.tickets.handlers import TicketHandlers
from festgate.portal.tickets.queries import topic_of_order, topic_of_seat
from festgate.rehearsal.runs.plan import Plan
from festgate.settings import Settings
from tests.rules.project import ROOT

FACTS = {
    "accounts.AddressConfirmed": ["person_id"],
    "accounts.AddressCorrected": ["person_id"],
    "catalogue.EventCancelled": ["event_id"],
    "catalogue.EventChanged": ["event_id", "title", "place", "starts_at", "ends_at"],
    "catalogue.SeatsFreed": ["event_id"],
    "checkout.OrderPaid": ["order_id"],
    "checkout.OrderReduced": ["order_id", "revision"],
    "checkout.OrderRefunded": ["order_id"],
    "checkout.SeatRefunded": ["order_id", "seat_id"],
    "checkout.TransferAwaited": ["order_id", "cause", "at"],
    "checkout.PartRefunded": ["order_id", "refund_id"],
    "registrations.HoldCancelled": ["seat_id"],
    "registrations.MemberJoined": ["seat_id", "person_id", "at"],
    "registrations.SeatExchanged": ["old_seat_id", "new_seat_id"],
    "registrations.HoldsResumed": ["began_at", "resumed_at"],
    "registrations.SeatConfirmed": ["seat_id"],
    "registrations.SeatOffered": ["seat_id"],
    "registrations.SeatReleased": ["seat_id"],
    "registrations.WaitingEnded": ["waiting_id"],
    "tickets.HoldersLeft": [
        "event_id",
        "changed_at",
        "after_ticket",
        "title",
        "place",
        "starts_at",
        "ends_at",
    ],
}
"""The name of each fact in `kit_facts`, and the fields of its payload."""
HANDLERS = {
    ("accounts.AddressConfirmed", "festgate.tickets.handlers.send_kept_back", "outbox.tickets"),
    ("accounts.AddressConfirmed", "festgate.accounts.guest_claims.claim", "outbox.accounts"),
    (
        "accounts.AddressCorrected",
        "festgate.registrations.handlers.follow_address",
        "outbox.registrations",
    ),
    ("accounts.AddressCorrected", "festgate.tickets.handlers.send_corrected", "outbox.tickets"),
    ("catalogue.EventCancelled", "festgate.registrations.handlers.release_all", "outbox.registrations"),
    ("catalogue.EventChanged", "festgate.tickets.handlers.tell_changed", "outbox.tickets"),
    ("catalogue.SeatsFreed", "festgate.registrations.handlers.offer_freed", "outbox.registrations"),
    ("checkout.OrderPaid", "festgate.tickets.handlers.issue_paid", "outbox.tickets"),
    ("checkout.OrderReduced", "festgate.tickets.handlers.tell_reduced", "outbox.tickets"),
    ("checkout.OrderRefunded", "festgate.tickets.handlers.tell_order_refunded", "outbox.tickets"),
    ("checkout.SeatRefunded", "festgate.tickets.handlers.tell_seat_refunded", "outbox.tickets"),
    ("checkout.TransferAwaited", "festgate.tickets.handlers.email_transfer", "outbox.tickets"),
    ("checkout.PartRefunded", "festgate.tickets.handlers.email_part_refunded", "outbox.tickets"),
    ("registrations.SeatExchanged", "festgate.tickets.handlers.exchange", "outbox.tickets"),
    ("registrations.HoldCancelled", "festgate.checkout.handlers.reduce_orders", "outbox.checkout"),
    ("registrations.HoldCancelled", "festgate.tickets.handlers.tell_hold_cancelled", "outbox.tickets"),
    ("registrations.HoldsResumed", "festgate.checkout.handlers.move_ends", "outbox.checkout"),
    ("registrations.MemberJoined", "festgate.tickets.handlers.email_member", "outbox.tickets"),
    ("registrations.SeatConfirmed", "festgate.tickets.handlers.issue_free", "outbox.tickets"),
    ("registrations.SeatOffered", "festgate.tickets.handlers.email_offered", "outbox.tickets"),
    ("registrations.SeatReleased", "festgate.checkout.handlers.refund_released", "outbox.checkout"),
    ("registrations.SeatReleased", "festgate.tickets.handlers.void_released", "outbox.tickets"),
    ("registrations.WaitingEnded", "festgate.tickets.handlers.email_waiting_ended", "outbox.tickets"),
    ("tickets.HoldersLeft", "festgate.tickets.handlers.tell_left", "outbox.tickets"),
}
"""The fact, the handler's name in `kit_deliveries`, and its point in `drills.json` and in plans of drills."""
MODULES = ["accounts", "fest", "catalogue", "registrations", "checkout", "tickets", "door", "backoffice"]
"""The names of the modules in points (`module.checkout`), in `/readyz` and in the migrations."""


def subscriptions() -> list[Subscription[Any]]:
    return [
        *registration_handlers.SUBSCRIPTIONS,
        *checkout_handlers.SUBSCRIPTIONS,
        *TicketHandlers(Settings(), b"").subscriptions(),
        *claim_subscriptions(()),
    ]


def test_facts_and_their_fields_have_the_names_that_are_in_the_data() -> None:
    known = {fact.KIND: [field.name for field in fields(fact)] for fact in inventory.facts()}
    assert known == FACTS


def test_handlers_have_the_names_that_are_in_the_data() -> None:
    assert {(handler.fact.KIND, handler.name, handler.point) for handler in subscriptions()} == HANDLERS
    assert len(subscriptions()) == len(HANDLERS)


def test_every_fact_class_is_in_the_inventory() -> None:
    defined = {
        fact
        for path in ROOT.glob("src/festgate/portal/*/facts.py")
        for fact in vars(import_module(f"festgate.portal.{path.parent.name}.facts")).values()
        if isinstance(fact, type) and issubclass(fact, Fact) and fact is not Fact
    }
    assert defined == set(inventory.facts())
    assert len({fact.KIND for fact in defined}) == len(defined)


def test_modules_and_points_have_the_names_that_plans_of_drills_use() -> None:
    assert [module.name for module in composition.MODULES] == MODULES
    assert {handler.point for handler in subscriptions()} <= set(plan.POINTS)
    assert list(plan.MODULES) == MODULES


def test_emails_that_pages_look_up_have_the_topics_that_are_in_the_data() -> None:
    assert topic_of_seat(7) == "seat:7"
    assert topic_of_order("7F3KQ0M2XA") == "order:7F3KQ0M2XA"


def test_objects_stored_as_json_have_the_names_that_are_in_the_data() -> None:
    assert [field.name for field in fields(Attachment)] == ["name", "kind", "text"]
    assert [field.name for field in fields(Fault)] == [
        "point",
        "effect",
        "seconds",
        "times",
        "share",
        "until",
    ]
    assert set(PLAN) <= {field.name for field in fields(Plan)}


PLAN = ("journey", "host", "load", "duration", "warm_up", "seed", "workers", "label", "fail_if")
"""Fields of the plan in `run.json`. A later field needs a default, so that older runs can be read."""
