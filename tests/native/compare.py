"""Whether two outputs of row.cpp agree: `python compare.py a.txt b.txt 1e-10`."""

import sys
from pathlib import Path


def numbers(path: str) -> list[float]:
    return [float(line) for line in Path(path).read_text(encoding="ascii").split()]


def main() -> int:
    left, right = numbers(sys.argv[1]), numbers(sys.argv[2])
    if not len(left) == len(right) > 3000:
        print(f"{len(left)} and {len(right)} numbers: one of the two runs is not whole")
        return 1
    worst = max(abs(a - b) / (1 + abs(b)) for a, b in zip(left, right, strict=True))
    print(f"{len(left)} numbers, largest difference {worst:.1e} (relative to 1 + size)")
    return int(worst > float(sys.argv[3]))


if __name__ == "__main__":
    sys.exit(main())
