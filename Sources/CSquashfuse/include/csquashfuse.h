#pragma once
#include <stddef.h>

/// zstd's decompressor, for one thread.
typedef struct las_zstd las_zstd;

/// NULL where there is no memory.
las_zstd *las_zstd_create(void);
void las_zstd_free(las_zstd *);

/// How many bytes came out; -1 where the input is damaged, or more than `room` would come out.
long las_zstd_decompress(las_zstd *, const void *in, size_t size, void *out, size_t room);
