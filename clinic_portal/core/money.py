"""Amounts of money: integer minor units and a currency, never a float."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Money:
    """An amount in minor units (cents) of an ISO 4217 currency."""

    minor: int
    currency: str = "EUR"

    def __add__(self, other: "Money") -> "Money":
        """Add two amounts of one currency. Raises: ValueError when the currencies differ."""
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)
