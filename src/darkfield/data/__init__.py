"""Pictures and masks, from files of any kind to training data: reading, flattening, resizing,
storing, splitting without leaks, augmenting; and the synthetic scenes.
"""
