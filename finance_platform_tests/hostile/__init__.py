"""Hostile files: what senders, programs and attackers put into a raw zone, and the effect on the files beside them."""
