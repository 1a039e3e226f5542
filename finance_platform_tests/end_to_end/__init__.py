"""The platform as its users meet it: the command, on real files, in a home of its own."""
