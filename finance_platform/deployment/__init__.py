"""Bringing the platform to AWS: what is built, what is uploaded, what a stack is made of, in which order.

Belongs here: artefacts, the template's words, CloudFormation, one-off tasks, the settings that come of it.
Does not belong here: what a refresh needs; nothing here is imported by one. boto3 is imported by `aws` alone.
"""
