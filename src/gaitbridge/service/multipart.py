"""The bytes of an upload as they come: of the body itself, or of the one file of a form, never held whole and never named by who sends."""

from collections.abc import AsyncIterator

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from gaitbridge.service.problems import Problem

MOST_HEADER = 16_384  # bytes of the headers of a part


async def parts_of(request: Request) -> AsyncIterator[bytes]:
    """The bytes of the recording in a request. Problem 400 where a form holds no file, several, or is none."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    try:
        if kind != b"multipart/form-data":
            async for data in request.stream():
                if data:
                    yield data
            return
        form = _Form(options.get(b"boundary", b""))
        async for data in request.stream():
            for part in form.parts(data):
                yield part
        if form.files != 1 or not form.ended:
            raise Problem(400, "the form holds no whole file: send one, in a part with a file name")
    except ClientDisconnect as error:
        raise Problem(400, "the connection ended before the recording did: nothing of it was kept; send it again") from error


class _Form:
    """The parts of a form; those of its one file are given, other fields are passed over."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary:
            raise Problem(400, "the form has no boundary: send the bytes of the recording as the body instead")
        self.files, self.ended = 0, False
        self._within, self._name, self._value, self._headers = False, b"", b"", 0
        self._given: list[bytes] = []
        try:
            self._parser = MultipartParser(boundary, {
                "on_part_begin": self._begin, "on_part_data": self._data, "on_header_field": self._field, "on_header_value": self._worth,
                "on_header_end": self._header, "on_part_end": self._end, "on_end": self._whole})
        except FormParserError as error:
            raise Problem(400, "the form's boundary is none: send the bytes of the recording as the body instead") from error

    def parts(self, data: bytes) -> list[bytes]:
        """What some bytes of the form hold of the file."""
        self._given = []
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise Problem(400, "the form is damaged: send the bytes of the recording as the body instead") from error
        return self._given

    def _begin(self) -> None:
        self._within, self._headers = False, 0

    def _end(self) -> None:
        self._within = False

    def _whole(self) -> None:
        self.ended = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._within:
            self._given.append(data[start:end])

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += self._counted(data[start:end])

    def _worth(self, data: bytes, start: int, end: int) -> None:
        self._value += self._counted(data[start:end])

    def _counted(self, data: bytes) -> bytes:
        self._headers += len(data)
        if self._headers > MOST_HEADER:
            raise Problem(400, "the form has headers that are too long: send the bytes of the recording as the body instead")
        return data

    def _header(self) -> None:
        if self._name.lower() == b"content-disposition" and b"filename" in parse_options_header(self._value)[1]:
            self._within = True
            self.files += 1
            if self.files > 1:
                raise Problem(400, "the form holds several files: send each recording by itself")
        self._name, self._value = b"", b""
