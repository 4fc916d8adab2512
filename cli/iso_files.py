"""Messages of ISO 20022 and their schemas as files that a person names."""

from pathlib import Path
from typing import Annotated, Final

import typer
from lxml import etree

from cli.files import read_file
from standards.errors import IsoError
from standards.iso20022.parsing import SIZE_BYTES_MAX, Message, parse_message
from standards.iso20022.schema import SCHEMA_BYTES_MAX, check_schema, read_schema
from tradelane import BadRequestError

SchemaOption = Annotated[
    Path | None,
    typer.Option("--schema", metavar="DIRECTORY", help="Where schemas lie, such as pacs.008.001.08.xsd."),
]
_HINTS: Final = {
    "no_schema": "put it into the directory under the name of its message",
    "schema_broken": "take the schema as ISO publishes it",
    "unknown_message": "with --schema any message is checked; docs/iso20022.md says which are read",
    "unknown_version": "with --schema any version is checked; docs/iso20022.md says which are read",
}
_HEADER_VERSIONS: Final = ("head.001.001.01", "head.001.001.02", "head.001.001.03", "head.001.001.04")


def read_message_file(file: str) -> Message:
    """Return the message in a file, - for standard input; raises BadRequestError or IsoError."""
    return parse_message(read_file(file, SIZE_BYTES_MAX))


def schema_faults(message: Message, directory: Path) -> list[IsoError]:
    """Return what breaks the schemas of a directory; raises BadRequestError or IsoError."""
    if not directory.is_dir():
        raise BadRequestError("iso.no_schemas", f"{directory} is no directory", "name the one that holds the schemas")
    schemas: dict[str, etree.XMLSchema] = {}
    for identifier in (message.identifier, *_HEADER_VERSIONS):
        file = directory / f"{identifier}.xsd"
        if file.is_file():
            found, schema = read_schema(read_file(file, SCHEMA_BYTES_MAX))
            if found != identifier:
                raise BadRequestError("iso.schema_broken", f"{file} is a schema of another message", "name it rightly")
            schemas[found] = schema
    return check_schema(message, schemas)


def refused(file: str, error: IsoError) -> BadRequestError:
    """Return the error of a command that cannot use a message."""
    return BadRequestError(f"iso.{error.code}", f"{file}: {error}", _HINTS.get(error.code, "see `tradelane iso check`"))
