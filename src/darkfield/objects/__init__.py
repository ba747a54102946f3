"""From pixels to objects: erythrocytes, blobs that touch; spirochaetes, filaments that cross; and
the table of both.
"""
