#include "csquashfuse.h"
#include <squashfuse/decompress.h>
#include <squashfuse/squashfs_fs.h>
#include <zstd.h>

las_zstd *las_zstd_create(void) { return (las_zstd *)ZSTD_createDCtx(); }

void las_zstd_free(las_zstd *context) { ZSTD_freeDCtx((ZSTD_DCtx *)context); }

long las_zstd_decompress(las_zstd *context, const void *in, size_t size, void *out, size_t room) {
    size_t count = ZSTD_decompressDCtx((ZSTD_DCtx *)context, out, room, in, size);
    return ZSTD_isError(count) ? -1 : (long)count;
}

// What libsquashfuse asks for a decompressor. Its own four functions, in a member of the archive that is not linked when
// they are here, would bring in lzo, which is GPL, and lzma and zlib; our images are zstd.

static sqfs_err decompress(void *in, size_t size, void *out, size_t *room) {
    size_t count = ZSTD_decompress(out, *room, in, size);
    if (ZSTD_isError(count) || count == 0) return SQFS_ERR;
    *room = count;
    return SQFS_OK;
}

sqfs_decompressor sqfs_decompressor_get(sqfs_compression_type type) {
    return type == ZSTD_COMPRESSION ? decompress : NULL;
}

char *sqfs_compression_name(sqfs_compression_type type) {
    static char name[] = "zstd";
    return type == ZSTD_COMPRESSION ? name : NULL;
}

void sqfs_compression_supported(sqfs_compression_type *types) {
    types[0] = ZSTD_COMPRESSION;
    for (int i = 1; i < SQFS_COMP_MAX; i++) types[i] = SQFS_COMP_UNKNOWN;
}
