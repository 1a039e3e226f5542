"""The sample company: data to try the platform on, and the answers that it must give.

Belongs here: `company` (who the company is and what it plans), `books` (its genuine ledger, budget and forecast),
`rows` (lines of files as they are written), `faults` (what is wrong in them, on purpose), `answer_key` (the true
figures) and `generator` (writes all of it). Does not belong here: anything that reads the files, and any import of
`finance_platform`: the answers are independent of the product.
"""
