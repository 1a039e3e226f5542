"""The sample company: data to try the platform on, and the expected answers.

Belongs here: `company` (departments, accounts, plans), `books` (the genuine ledger, budget and forecast), `rows` (lines
of files), `faults` (deliberate errors in them), `answer_key` (the true figures) and `generator` (writes all files).
Does not belong here: anything that reads the files, and any import of `finance_platform`: the answers are independent
of the product.
"""
