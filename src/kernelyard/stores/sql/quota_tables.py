"""The table of quotas, as the newest program knows it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from kernelyard.stores.sql.tables import NAME, metadata

quotas = Table(
    "quotas",
    metadata,
    Column("owner", NAME, primary_key=True),
    Column("limits", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""What is said of users one by one."""
