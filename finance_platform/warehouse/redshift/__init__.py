"""The warehouse on Amazon Redshift.

Belongs here: everything that imports redshift_connector or knows Redshift's catalog, COPY and roles.
Does not belong here: what a load does (see `warehouse.load`), SQL text (`sql/`).
"""
