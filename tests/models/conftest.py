"""Lets the tests of this folder import `small_network`, which lies beside them (pytest imports without sys.path)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
