"""How good a model is: confusion matrices, scores and their intervals, the choice of an epoch, the
comparison of recipes, the review of labels.
"""
