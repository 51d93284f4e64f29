"""Reads fields in order and refuses what does not fit."""
from __future__ import annotations

from errors import damaged, require


class Cursor:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    @property
    def ended(self) -> bool:
        return self.at == len(self.data)

    def take(self, length: int) -> bytes:
        require(length <= len(self.data) - self.at, "bytes are missing")
        self.at += length
        return self.data[self.at - length:self.at]

    def be(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def expect(self, literal: bytes) -> None:
        require(self.take(len(literal)) == literal, f"{literal!r} was expected")

    def num(self) -> int:
        """V-22: unsigned LEB128, at most 10 bytes, below 2^64, in its shortest form."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.be(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                require(value < 1 << 64 and not (byte == 0 and shift), "a number is not in its shortest form")
                return value
        raise damaged("a number has more than ten bytes")

    def bounded(self, low: int, high: int, what: str) -> int:
        value = self.num()
        require(low <= value <= high, f"{what} is {value}")
        return value

    def text(self, most: int) -> str:
        try:
            return self.take(self.bounded(0, most, "the length of a text")).decode("utf-8")
        except UnicodeDecodeError:
            raise damaged("a text is not UTF-8") from None

    def end(self, what: str) -> None:
        require(self.ended, f"{what} goes on behind its end")
