"""A journal of vouchers: unsigned amounts with S or H, and the dates in a file of voucher headers."""
