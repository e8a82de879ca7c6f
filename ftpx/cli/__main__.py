"""``python -m ftpx.cli`` is ``ftpx``."""

from __future__ import annotations

from ftpx.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
