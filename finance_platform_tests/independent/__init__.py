"""A second computation of the results, from the raw files alone: csv and Decimal, no import of the product."""
