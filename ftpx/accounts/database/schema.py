"""
The tables of the accounts, as the last migration leaves them.

Items of `AccountPolicy` are kept as the texts that operators write: numbers too, so that every value goes through one
parser, and one that somebody has broken by hand is seen as broken and never taken for no limit.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

__all__ = [
    "allowed_networks",
    "balances",
    "bans",
    "failures",
    "group_items",
    "groups",
    "login_counts",
    "memberships",
    "metadata",
    "operation_places",
    "operation_shares",
    "operations",
    "revision",
    "servers",
    "settings",
    "slots",
    "traffic",
    "user_items",
    "users",
]

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is called INTEGER.
_ID: Final = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


def _reference(name: str, to: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, _ID, ForeignKey(to, ondelete="CASCADE"), nullable=False, primary_key=primary_key)


# Who there is

users: Final = Table(
    "users",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    # `ftpx.accounts.names.identity_of` the name: no two users have one.
    Column("identity", Text, nullable=False, unique=True),
    Column("password", Text),
    Column("totp", Text),
    # The last one-time password that was used, as the number of its time step, so that none is used twice.
    Column("totp_used", BigInteger, nullable=False, server_default="0"),
    # Grows when an operator changes the password or the secret above, and not when a password is hashed anew.
    Column("credentials", BigInteger, nullable=False, server_default="0"),
    Column("disabled", Boolean, nullable=False, server_default="0"),
)
groups: Final = Table(
    "groups",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("identity", Text, nullable=False, unique=True),
)
memberships: Final = Table(
    "memberships",
    metadata,
    _reference("user_id", "users.id", primary_key=True),
    _reference("group_id", "groups.id", primary_key=True),
    Index("ix_memberships_group_id", "group_id"),
)


def _items(owner: str) -> Table:
    """The items of the policies of users or groups: those that take several values have several rows."""
    return Table(
        f"{owner}_items",
        metadata,
        _reference(f"{owner}_id", f"{owner}s.id", primary_key=True),
        Column("item", Text, primary_key=True),
        Column("place", Integer, primary_key=True),
        Column("value", Text, nullable=False),
    )


user_items: Final = _items("user")
group_items: Final = _items("group")

settings: Final = Table(
    "settings", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False)
)
# One row, whose number grows with each change that an operator makes: what servers look at to follow.
revision: Final = Table(
    "revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

# What is used: one balance for each user and for each group that has a quota or counts its octets

balances: Final = Table(
    "balances",
    metadata,
    _id(),
    Column("user_id", _ID, ForeignKey("users.id", ondelete="CASCADE"), unique=True),
    Column("group_id", _ID, ForeignKey("groups.id", ondelete="CASCADE"), unique=True),
    Column("octets", BigInteger, nullable=False, server_default="0"),
    Column("files", BigInteger, nullable=False, server_default="0"),
    # Since when a soft quota is exceeded, in seconds since the epoch.
    Column("octets_soft_since", Double),
    Column("files_soft_since", Double),
    # Grows with each change of what is used, so that a count that took its time knows whether it still counts.
    Column("changes", BigInteger, nullable=False, server_default="0"),
    # Whether what is stored must be counted again, and when it last was.
    Column("recount_due", Boolean, nullable=False, server_default="1"),
    Column("recounted", Double),
    CheckConstraint("(user_id IS NULL) <> (group_id IS NULL)", name="one_owner"),
    CheckConstraint("octets >= 0 AND files >= 0", name="not_below_zero"),
)
traffic: Final = Table(
    "traffic",
    metadata,
    _reference("balance_id", "balances.id", primary_key=True),
    # upload or download, and 2027-12-31 or 2027-12.
    Column("direction", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("octets", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("octets >= 0", name="not_below_zero"),
)

# Servers that run now, and what they hold: it goes with their row when they die

servers: Final = Table(
    "servers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    # Grows as long as the server lives. The others look whether it does, by clocks of their own.
    Column("beat", BigInteger, nullable=False, server_default="0"),
)


def _server() -> Column[str]:
    return Column("server_id", Text, ForeignKey("servers.id", ondelete="CASCADE"), nullable=False, index=True)


# A session or a transfer that is under way.
slots: Final = Table(
    "slots",
    metadata,
    Column("id", Text, primary_key=True),
    _server(),
    Column("kind", Text, nullable=False),
    _reference("user_id", "users.id"),
    Column("address", Text, nullable=False),
    Index("ix_slots_user_id", "user_id"),
)
login_counts: Final = Table(
    "login_counts",
    metadata,
    _reference("user_id", "users.id", primary_key=True),
    # Minutes since the epoch.
    Column("minute", BigInteger, primary_key=True),
    Column("logins", Integer, nullable=False),
)
# A change in a storage that is under way, the room that it has set aside, and the places that nobody else may change.
operations: Final = Table("operations", metadata, Column("id", Text, primary_key=True), _server())
operation_shares: Final = Table(
    "operation_shares",
    metadata,
    Column("operation_id", Text, ForeignKey("operations.id", ondelete="CASCADE"), primary_key=True),
    _reference("balance_id", "balances.id", primary_key=True),
    Column("octets", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Index("ix_operation_shares_balance_id", "balance_id"),
)
operation_places: Final = Table(
    "operation_places",
    metadata,
    Column("place", Text, primary_key=True),
    Column("operation_id", Text, ForeignKey("operations.id", ondelete="CASCADE"), nullable=False, index=True),
)

# Who may not try

failures: Final = Table(
    "failures",
    metadata,
    # address:192.0.2.1, address:2001:db8::/64, name:alice.
    Column("subject", Text, primary_key=True),
    Column("score", Double, nullable=False),
    # Seconds since the epoch.
    Column("updated", Double, nullable=False),
)
bans: Final = Table(
    "bans",
    metadata,
    Column("subject", Text, primary_key=True),
    # Seconds since the epoch; until NULL: for ever.
    Column("since", Double, nullable=False),
    Column("until", Double),
    # How many bans there were in a row: each is longer than the one before.
    Column("times", Integer, nullable=False, server_default="1"),
    Column("reason", Text, nullable=False),
    # By an operator: it ends open sessions, too.
    Column("by_operator", Boolean, nullable=False, server_default="0"),
)
allowed_networks: Final = Table("allowed_networks", metadata, Column("network", Text, primary_key=True))
