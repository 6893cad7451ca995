"""Lets the tests of this folder import `defective_clips`, beside them, and `made_media` of the clips' tests."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "clips")]
