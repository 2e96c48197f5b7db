"""Filing: files are kept, read and forgotten, their contents and their rows together."""

from hub.filing.arriving import FileBounds, too_large
from hub.filing.filing import Filing
from hub.filing.sweeping import Swept

__all__ = ["FileBounds", "Filing", "Swept", "too_large"]
