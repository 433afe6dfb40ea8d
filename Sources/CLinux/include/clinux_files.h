#pragma once
// File system calls that Swift's Glibc module lacks. Each returns -1 with errno set.

// Writes all that waits in memory for the file system of this descriptor.
int las_syncfs(int descriptor);

// Makes `target`, an empty file, share the data of `source`; EOPNOTSUPP, EINVAL or EXDEV where the file system can't.
int las_clone_file(int source, int target);

// Copies up to `count` bytes inside the kernel, from and to the current offsets; 0 at the source's end.
long las_copy_file_range(int source, int target, unsigned long count);
