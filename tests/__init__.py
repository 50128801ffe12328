"""A package, so that no installed one that is called the same is imported in its place."""
