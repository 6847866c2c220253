"""prices of seats: the tax within the fee of a seat, its rate, and the promo code that was used."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MODULE = "registrations"


def upgrade() -> None:
    """Make the change."""
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute("ALTER TABLE registrations_seats ADD COLUMN tax_minor BIGINT DEFAULT 0 NOT NULL")
    op.execute("ALTER TABLE registrations_seats ADD COLUMN tax_rate INTEGER DEFAULT 0 NOT NULL")
    op.execute(
        f"ALTER TABLE registrations_seats ADD COLUMN code_id {key}"
        " CONSTRAINT fk_registrations_seats_code_id REFERENCES catalogue_promo_codes (id)"
    )
