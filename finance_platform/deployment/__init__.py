"""Deployment to AWS: release artefacts, uploads, the CloudFormation stack, one-off tasks, the settings that result.

Belongs here: the steps of a deployment and the calls to AWS that they need. boto3 is imported by `aws` alone.
Does not belong here: anything that a refresh needs; no refresh imports this package.
"""
