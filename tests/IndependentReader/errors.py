"""How the reader ends: the project's exit codes, as in the table of the commands."""
from __future__ import annotations

USAGE, NOT_FOUND, REFUSED, DAMAGED, BUSY, MISSING = 2, 3, 4, 5, 6, 9


class VaultError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def damaged(message: str) -> VaultError:
    return VaultError(DAMAGED, message)


def require(holds: bool, message: str) -> None:
    """What a reader MUST refuse is damage (exit 5) unless the SPEC names another code."""
    if not holds:
        raise damaged(message)
