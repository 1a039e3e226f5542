"""The platform on AWS, against stand-ins that speak over a real wire."""
