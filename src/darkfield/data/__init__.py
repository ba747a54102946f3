"""Pictures and masks, from files of all kinds to what a network is trained on: reading, flattening,
resizing, storing, splitting without leaks, augmenting; and the synthetic scenes.
"""
