"""Payments to suppliers, printed page by page: page lines, ragged blanks, and a lone total at the end."""
