"""``python -m oddspec``."""

import sys

from oddspec.command import main

sys.exit(main())
