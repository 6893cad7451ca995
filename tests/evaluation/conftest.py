"""Lets the tests below this folder import `made_record` and `measured_clips` (pytest imports without sys.path)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
