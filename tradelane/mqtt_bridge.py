"""From an MQTT broker to the ledger: a message is acknowledged when it is settled on the ledger, and not before.

Everything happens in one thread, so that no acknowledgement can cross a connection. A message belongs to the connection
that delivered it: its number means another message on the next one, so what is left of a connection is dropped when it
is lost, and the broker, which keeps the session, delivers it again. A message that comes twice is found on the ledger.
While no node answers the broker is kept alive and the message waits; nothing is taken out of order.
"""

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client as MqttClient
from paho.mqtt.client import ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tradelane.errors import BadRequestError, NotAuthorisedError, NotFinalError, TradelaneError, UnavailableError

PENDING_MAX: Final = 1_000
PENDING_BYTES_MAX: Final = 67_108_864
KEEPALIVE_S: Final = 60

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_TOPIC_MAX: Final = 1_000
_NAME_MAX: Final = 128
_TURN_S: Final = 0.2
_PAUSES_S: Final = (0.2, 1.0, 5.0, 15.0)

Settle: TypeAlias = Callable[[str, bytes, Callable[[], None]], None]
"""Settles a message (topic, payload) and may call what it is given between steps; raises what can succeed later."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, and as whom to connect; ``authorities`` is the file of those who may vouch for it.

    None are those of the system; they count only where the connection is encrypted.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    is_encrypted: bool = False
    authorities: Path | None = None


def read_broker(url: str, password: str | None = None, authorities: Path | None = None) -> Broker:
    """Return the broker of an address such as ``mqtt://host:1883``, or ``mqtts://`` encrypted; raises BadRequestError.

    >>> read_broker("mqtts://gateway@broker.local").port
    8883
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise BadRequestError("broker.address", f"{url[:100]!r}: {error}", "write mqtt://host:1883") from error
    if parts.scheme not in _PORTS or not _is_host(parts.hostname) or parts.path.strip("/") or parts.password:
        raise BadRequestError(
            "broker.address",
            "an address is mqtt://host:port or mqtts://user@host:port",
            "the password goes into the environment: TRADELANE_MQTT_PASSWORD",
        )
    assert parts.hostname is not None, "a host is one"
    user = unquote(parts.username) if parts.username else None
    return Broker(parts.hostname, port, user, password, parts.scheme == "mqtts", authorities)


def _is_host(name: str | None) -> bool:
    try:
        return name is not None and 0 < len(name.encode("idna")) <= 255
    except UnicodeError:
        return False


def _is_filter(topic: str) -> bool:
    """Say whether a text can be subscribed to (MQTT 3.1.1, section 4.7)."""
    levels = topic.split("/")
    is_shaped = all(level in ("+", "#") or not {"+", "#"} & set(level) for level in levels)
    return 0 < len(topic) <= _TOPIC_MAX and "\0" not in topic and is_shaped and "#" not in levels[:-1]


class MqttBridge:
    """Takes messages of topics from a broker, one after the other. ``tell`` hears what goes wrong, for people."""

    def __init__(
        self, broker: Broker, topics: Sequence[str], client_id: str, settle: Settle, tell: Callable[[str], None]
    ) -> None:
        wrong = next((topic for topic in topics if not _is_filter(topic)), None)
        if wrong is not None or not 0 < len(client_id) <= _NAME_MAX:
            what = f"the topic {wrong[:100]!r}" if wrong is not None else "the name of the session"
            raise BadRequestError("bridge.name", f"{what} is none", "a topic is such as trucks/+/senml or trucks/#")
        self._broker, self._topics, self._settle, self._tell = broker, list(topics), settle, tell
        self._pending: deque[tuple[int, MQTTMessage]] = deque()
        self._pending_bytes = 0
        self._connection = 0
        self._losses = 0
        self._was_connected = False
        self._refusal: TradelaneError | None = None
        self._is_stopping: Callable[[], bool] = lambda: False
        # The session outlives the connection: the broker keeps what is not acknowledged.
        self._client = MqttClient(
            CallbackAPIVersion.VERSION2, client_id, clean_session=False, reconnect_on_failure=False, manual_ack=True
        )
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.is_encrypted:
            self._encrypt(broker.authorities)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def run(self, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Work until told to stop.

        Raises
        ------
        NotAuthorisedError
            The broker does not let us in, or not to a topic, or is not who it says.
        UnavailableError
            It was told to stop and no broker had answered until then.
        TradelaneError
            What ``settle`` raises, other than what can succeed later.

        """
        self._is_stopping = is_stopping
        self._connect()
        try:
            while not is_stopping():
                if not self._pending:
                    self._turn(_TURN_S)
                    continue
                connection, message = self._pending.popleft()
                self._pending_bytes -= len(message.payload)
                if self._take(connection, message) and connection == self._connection:
                    self._client.ack(message.mid, message.qos)
                    self._losses = 0
        finally:
            self._client.disconnect()
        if not self._was_connected:
            raise UnavailableError("broker.unreachable", f"no broker answered at {self._place}", "check the address")

    def _encrypt(self, authorities: Path | None) -> None:
        try:
            self._client.tls_set(None if authorities is None else str(authorities))
        except OSError as error:
            raise BadRequestError(
                "broker.authorities", f"{authorities}: {error}", "name a file of certificates"
            ) from error

    def _take(self, connection: int, message: MQTTMessage) -> bool:
        """Settle a message, trying as long as its connection lasts; return whether it is settled."""
        attempt = 0
        while True:
            try:
                self._settle(_topic_of(message), bytes(message.payload), lambda: self._turn(0.0))
                return True
            except (UnavailableError, NotFinalError) as error:
                pause_s = _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
                self._tell(f"not settled yet ({error.code}): {error.detail}; again in {pause_s:g} s")
            attempt += 1
            until_s = time.monotonic() + pause_s
            while time.monotonic() < until_s:
                if self._is_stopping() or connection != self._connection:
                    return False
                self._turn(_TURN_S)

    def _turn(self, timeout_s: float) -> None:
        """Let the connection work for a moment; make a new one where it is lost."""
        if self._client.socket() is None:
            code = MQTTErrorCode.MQTT_ERR_NO_CONN
        elif len(self._pending) >= PENDING_MAX or self._pending_bytes >= PENDING_BYTES_MAX:
            # Nothing more is read before what is here is settled; the socket holds the broker back.
            code = self._client.loop_misc()
            time.sleep(timeout_s)
        else:
            code = self._client.loop(timeout_s)
        if self._refusal is not None:
            raise self._refusal
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._tell(f"the connection to the broker is lost ({code.name})")
            self._connect()

    def _connect(self) -> None:
        """Connect until it works; what the old connection delivered is no longer ours to acknowledge."""
        while not self._is_stopping():
            self._connection += 1
            self._pending.clear()
            self._pending_bytes = 0
            # Waiting longer each time, until a message is settled: two bridges of one name throw each other out.
            if self._losses:
                time.sleep(_PAUSES_S[min(self._losses, len(_PAUSES_S)) - 1])
            self._losses += 1
            try:
                self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
                return
            except ssl.SSLCertVerificationError as error:
                raise NotAuthorisedError(
                    "broker.certificate",
                    f"nobody known vouches for {self._place}: {error.verify_message}",
                    "name the file of its authority",
                ) from error
            except OSError as error:
                self._tell(f"no broker at {self._place}: {error}; trying again")

    @property
    def _place(self) -> str:
        return f"{self._broker.host}:{self._broker.port}"

    def _on_connect(
        self,
        client: MqttClient,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del userdata, properties
        if reason.is_failure and str(reason) == "Server unavailable":
            return
        if reason.is_failure:
            self._refusal = NotAuthorisedError(
                "broker.refused", f"the broker does not let us in: {reason}", "check user and password"
            )
            return
        self._was_connected = True
        self._tell(f"connected to {self._place}, session {'kept' if flags.session_present else 'new'}")
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self,
        client: MqttClient,
        userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        del client, userdata, mid, properties
        for topic, reason in zip(self._topics, reasons, strict=False):
            if reason.is_failure:
                self._refusal = NotAuthorisedError(
                    "broker.topic", f"the broker does not give us {topic}: {reason}", "check the topic and the rights"
                )

    def _on_message(self, client: MqttClient, userdata: object, message: MQTTMessage) -> None:
        del client, userdata
        self._pending.append((self._connection, message))
        self._pending_bytes += len(message.payload)


def _topic_of(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return "\ufffd"
