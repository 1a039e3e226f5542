"""Jobs and their transforms, on Sail and on the JVM."""
