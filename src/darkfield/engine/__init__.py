"""What makes Snakemake and DVC agree: the frame of every script, notes of what ran, adoption of
dvc.lock, digests of code, dvc.yaml, locks, provenance.
"""
