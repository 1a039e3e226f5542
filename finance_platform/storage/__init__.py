"""Storage: the object stores behind the raw and processed zones, and the locks that keep two writers apart.

Belongs here: the port, its adapters for folders and S3, the file lock and the lease, bulk reads, the S3 event queue.
Does not belong here: what the objects mean (see `deliveries`, `slices`).
"""
