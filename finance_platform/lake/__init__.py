"""The lake: raw zone and processed zone, and what the platform remembers about them.

Belongs here: the port and its adapters (`port`, `local`), the register of deliveries (`register`), commits of
deliveries and slices (`deliveries`, `slices`), and what follows from them (`intake`, `state`, `plan`).
Does not belong here: parsing (`feeds`), Spark (`glue`, `transforms`), the warehouse.
"""
