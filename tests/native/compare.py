"""Whether two outputs of row.cpp agree: `python compare.py a.txt b.txt 1e-10`."""

import sys
from pathlib import Path

left, right = (list(map(float, Path(p).read_text().split())) for p in sys.argv[1:3])
assert len(left) == len(right) > 3000, (len(left), len(right))
worst = max(abs(a - b) / (1 + abs(b)) for a, b in zip(left, right, strict=True))
print(f"{len(left)} numbers, largest difference {worst:.1e} (relative to 1 + size)")
sys.exit(worst > float(sys.argv[3]))
