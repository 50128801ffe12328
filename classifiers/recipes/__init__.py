"""Recipes by which users fine-tune encoders on their own copies of the field's data sets.

Not for scoring with the result: that is the work of whatever loads the folder a recipe writes.
"""
