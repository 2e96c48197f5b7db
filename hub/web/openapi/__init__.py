"""The OpenAPI document, made from the operations and the shapes, and pages to read it by."""

from hub.web.openapi.document import document
from hub.web.openapi.page import page_of

__all__ = ["document", "page_of"]
