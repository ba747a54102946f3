"""What a model is worth: confusion matrices, the scores that follow from them, their intervals, the
choice of an epoch, the comparison of recipes, the review of labels.
"""
