"""The errors of the standards floor: input from outside that breaks a published rule.

    StandardsError            ``code`` is a stable name for machines, the text is for people
    ├── IdentifierError       a GS1 key, LEI or attribute value; knows the position and what was expected there
    ├── DigitalLinkError      a URI that is no GS1 Digital Link
    ├── EpcisError            an EPCIS document or event; knows the JSON path
    ├── IsoError              an ISO 20022 message; knows the element and the line
    ├── TagMessageError       a message of an NFC tag: its form, its key or its MAC
    ├── SensorDataError       readings of a sensor in a form that cannot be read
    └── OperationError        operation arguments that describe no EPCIS event

A bug of ours is never one of these.
"""


class StandardsError(ValueError):
    """Input breaks a rule of a standard; ``code`` names the rule, the text says what is wrong and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class IdentifierError(StandardsError):
    """An identifier is malformed.

    ``position`` is the 1-based position of the first wrong character, 0 where the whole value is wrong (its length).
    ``expected`` is the character that belongs there, where the rule determines it (a check digit), else empty.
    """

    def __init__(self, code: str, message: str, position: int = 0, expected: str = "") -> None:
        super().__init__(code, message)
        self.position = position
        self.expected = expected


class DigitalLinkError(StandardsError):
    """A URI is not a GS1 Digital Link."""


class EpcisError(StandardsError):
    """An EPCIS document is refused for the one reason given.

    ``path`` is a JSON path such as ``$.epcisBody.eventList[0].bizStep``, ``rule`` the stable name of the rule and
    ``message`` says what is wrong and what to write instead. The text of the exception holds all three.
    """

    def __init__(self, path: str, rule: str, message: str) -> None:
        super().__init__(rule, f"{path}: {message} ({rule})")
        self.path = path
        self.rule = rule
        self.message = message


class OperationError(StandardsError):
    """The arguments of a ``provenance.capture`` operation describe no EPCIS event, or contradict themselves."""


class SensorDataError(StandardsError):
    """Readings of a sensor come in a form that cannot be read as a whole."""


class TagMessageError(StandardsError):
    """A message of an NFC tag has the wrong form (``form``), another key (``key``) or a wrong MAC (``mac``)."""


class IsoError(StandardsError):
    """An ISO 20022 message is refused, or breaks a rule.

    ``element`` is the path of names down to the element, empty where the whole file is meant; ``line`` is where it
    begins, 0 where that is not known. The text of the exception holds both, and no value that stands in the message.
    """

    def __init__(self, code: str, message: str, element: str = "", line: int = 0) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(code, f"{where}{element}: {message} ({code})" if element else f"{where}{message} ({code})")
        self.element = element
        self.line = line
        self.message = message
