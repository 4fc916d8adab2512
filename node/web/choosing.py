"""Which of several links a client wants: by link type, then by the language and the media type that it prefers.

The finest level that has the type decides (GS1-Conformant Resolver Standard 1.1), so a lot's own safety sheet stands
before its product's. Among the links there the language counts first (RFC 9110 section 12.5.4; a link for no language
in particular suits everybody, only less than their own), then the media type, then the order of publication.
"""

from collections.abc import Sequence
from typing import Final

from node.web.accept import read_weights, weight_of
from node.web.linkset import Level, Link

DEFAULT: Final = "defaultLink"
# A link in no language of the client's is still better than none; one in no language at all is better than that.
_NO_LANGUAGE: Final = 0.001
_OTHER_LANGUAGE: Final = 0.0


def choose(levels: Sequence[Level], asked: str, accepts: Sequence[str], languages: Sequence[str]) -> Link | None:
    """Return the link of a type (or the default one), or None where no level has it."""
    for level in levels:
        links = level.defaults if asked == DEFAULT else tuple(link for link in level.links if link.type == asked)
        if links:
            return _best(links, accepts, languages)
    return None


def _best(links: Sequence[Link], accepts: Sequence[str], languages: Sequence[str]) -> Link:
    ranges = read_weights(accepts)
    tongues = read_weights(languages)

    def preference(link: Link) -> tuple[float, float]:
        media = 1.0 if link.media_type is None or not ranges else weight_of(link.media_type, ranges)
        return _language_weight(link.language, tongues), media

    # max takes the first of equals.
    return max(links, key=preference)


def _language_weight(language: str | None, tongues: Sequence[tuple[str, float]]) -> float:
    """Return how much a language is wanted: the whole tag, else its first part on either side, else any."""
    if language is None:
        return _NO_LANGUAGE
    tag = language.lower()
    first = tag.partition("-")[0]
    for wanted in (
        [weight for tongue, weight in tongues if tongue == tag],
        [weight for tongue, weight in tongues if tongue.partition("-")[0] == first],
        [weight * _NO_LANGUAGE for tongue, weight in tongues if tongue == "*"],
    ):
        if wanted:
            return max(wanted)
    return _OTHER_LANGUAGE
