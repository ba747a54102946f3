"""Settings of the C libraries under torch, which they read when a process starts."""

KEEP = 10**11  # bytes

# glibc hands large freed blocks back to the kernel and faults them in again, a quarter of a
# training step; OpenMP threads that spin while they wait starve other jobs.
ENVIRONMENT = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"
    f":glibc.malloc.trim_threshold={KEEP}:glibc.malloc.mmap_threshold={KEEP}",
    "OMP_WAIT_POLICY": "passive",
}
