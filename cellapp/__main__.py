"""`python -m cellapp`."""

import sys

from cellapp.cli import main

sys.exit(main())
