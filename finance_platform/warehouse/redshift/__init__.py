"""The warehouse on Amazon Redshift, Serverless or provisioned.

Belongs here: everything that imports redshift_connector or knows Redshift's catalog, COPY and roles; files are called
as in `duckdb` where they do the same.
Does not belong here: the steps of a load (see `warehouse.load`), SQL text (`sql/`).
"""
