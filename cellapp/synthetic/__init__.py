"""Synthetic fluorescence slides with known truth, of any size."""

from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import DemoFiles, is_truth, write_demo

__all__ = ["DemoFiles", "SyntheticSettings", "is_truth", "render_field", "write_demo"]
