"""The plug: what a connector is, and what connectors are made of."""

from hub.connector.content import parse_content
from hub.connector.plug import (
    WEWEB,
    Challenges,
    Connector,
    FromPages,
    Outcome,
    Parsed,
    Reply,
    Signs,
    Verdict,
    Verifies,
)
from hub.connector.reading import (
    MAX_QUERY_FIELDS,
    MAX_TYPE,
    Reading,
    classify_by_status,
    classify_by_text,
    event_type,
    parse_body,
    parse_json,
    parse_query,
    quoted,
    reading_as_verdict,
    retry_after_s,
    text_of,
)
from hub.connector.sender import Sender

__all__ = [
    "MAX_QUERY_FIELDS",
    "MAX_TYPE",
    "WEWEB",
    "Challenges",
    "Connector",
    "FromPages",
    "Outcome",
    "Parsed",
    "Reading",
    "Reply",
    "Sender",
    "Signs",
    "Verdict",
    "Verifies",
    "classify_by_status",
    "classify_by_text",
    "event_type",
    "parse_body",
    "parse_content",
    "parse_json",
    "parse_query",
    "quoted",
    "reading_as_verdict",
    "retry_after_s",
    "text_of",
]
