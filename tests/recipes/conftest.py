"""Lets the tests of this folder import `tiny_runs`, which lies beside them (pytest imports without sys.path)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
