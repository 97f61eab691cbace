"""What `hotcold layout` prints, for the tests that need no host."""

from __future__ import annotations

LAYOUT = """buckets: hour
kinds:
  segments:
    match: segment_*.ts
    flat: .
    hot: segments
    cold: segments
"""
