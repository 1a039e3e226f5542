"""Storage: the object store behind the raw and processed zones, and what keeps two writers apart.

Belongs here: the port, its adapters for folders and S3, the file lock and the lease, reading many objects, the queue of
S3's events. Does not belong here: what the objects mean (see `deliveries`, `slices`).
"""
