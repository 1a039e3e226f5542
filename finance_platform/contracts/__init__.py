"""What each table is: grain, natural key, columns, types. Data only.

Belongs here: `model` (the words a contract is made of), `star` (warehouse tables), `processed` (tables of the
processed zone). Does not belong here: code that reads, writes or checks anything.
"""
