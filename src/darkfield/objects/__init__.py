"""From pixels to objects of any class: blobs that touch, filaments that cross, components; and the
table of all.
"""
