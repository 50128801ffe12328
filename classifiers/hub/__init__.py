"""The field's published models and users' own, by name. Not for the models that come with the installation."""
