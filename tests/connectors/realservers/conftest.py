"""Makes the servers, the plan of lives and the readers of the truth importable by their names."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
