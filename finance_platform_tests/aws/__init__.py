"""The platform on AWS, against fakes over real HTTP."""
