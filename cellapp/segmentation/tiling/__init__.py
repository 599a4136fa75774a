"""Cuts a slide into tiles that overlap and puts what was found in them together again."""
