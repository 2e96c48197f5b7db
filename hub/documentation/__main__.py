"""The command ``python -m hub.documentation``."""

import sys

from hub.documentation import main

raise SystemExit(main(sys.argv[1:]))
