"""The tree of what can go wrong, named for what happened.

::

    HubError                 a code for programs, a message for people
      SettingsError          the hub cannot start as it is set
      InvalidError           what was sent cannot be used as it stands
        ExpressionError      an expression cannot be compiled or evaluated
      SignatureError         a source's request is not verified
      AccessError            the caller has no key, or not for this
      NotFoundError          no such object
      ConflictError          it stands against something that is already there
      TooLargeError          over a limit of size
      StepError              a step of a stack could not do its work
      LimitError             a run is over one of its limits
      OutboundError          no answer could be had from a destination
      StoreError             the database could not commit or read

A message says what to do next. Rooms know codes; only ``hub/web/problems.py`` knows statuses.
Foreign errors are translated at the seam where they arise.
"""

from typing import Any, ClassVar


class HubError(Exception):
    """Base of all. ``code`` is snake_case and stable, ``details`` are JSON values."""

    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, code={self.code!r})"


class SettingsError(HubError):
    """A setting is missing, wrong, or does not go with another one."""

    default_code = "settings"


class InvalidError(HubError):
    """Input that cannot be used as it stands: the sender should change it."""

    default_code = "invalid"


class ExpressionError(InvalidError):
    """An expression that cannot be compiled or evaluated.

    ``details`` carry ``position`` (0-based offset inside the expression's text) where known.
    """

    default_code = "expression"


class SignatureError(HubError):
    """A request to a source whose signature, token or timestamp is missing or wrong."""

    default_code = "signature_wrong"


class AccessError(HubError):
    """No valid key (``unauthorized``), or a key without the scope (``forbidden``)."""

    default_code = "unauthorized"


class NotFoundError(HubError):
    """The object that was named does not exist."""

    default_code = "not_found"


class ConflictError(HubError):
    """The object exists already, or is in a state that does not allow this."""

    default_code = "conflict"


class TooLargeError(HubError):
    """Over a limit of size; the message names the limit and its setting."""

    default_code = "too_large"


class StepError(HubError):
    """A step could not do its work; a stack's ``try_catch`` sees these and only these."""

    default_code = "step_failed"


class LimitError(HubError):
    """A run is over one of its limits, which the message names; it fails, and no ``try_catch``
    goes on after it."""

    default_code = "limit"


class OutboundError(HubError):
    """No usable answer from outside: refused, timed out, blocked address, broken answer.

    ``details["may_have_run"]`` is true where the other side may have acted on the request.
    """

    default_code = "outbound"


class StoreError(HubError):
    """The database did not commit or answer. Nothing was acknowledged."""

    default_code = "store_unavailable"
