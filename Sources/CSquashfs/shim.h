#pragma once
#include <stdlib.h>
#include <string.h>
#include <sqfs/predef.h>
#include <sqfs/super.h>
#include <sqfs/io.h>
#include <sqfs/compressor.h>
#include <sqfs/block.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/meta_writer.h>
#include <sqfs/dir.h>
#include <sqfs/dir_writer.h>
#include <sqfs/xattr_writer.h>
#include <sqfs/error.h>

// libsquashfs's objects are destroyed by an inline function that takes any of them.
static inline void las_sqfs_destroy(void *object) { sqfs_destroy(object); }
static inline int las_sqfs_zstd(sqfs_u32 block_size, sqfs_u32 level, sqfs_compressor_t **out) {
    sqfs_compressor_config_t config;
    int code = sqfs_compressor_config_init(&config, SQFS_COMP_ZSTD, block_size, 0);
    if (code) return code;
    config.level = level;
    return sqfs_compressor_create(&config, out);
}
static inline int las_sqfs_write_options(sqfs_compressor_t *compressor, sqfs_file_t *file) {
    return compressor->write_options(compressor, file);
}

// A file in memory: the first bytes of an image, and what is appended from `start` on. Metadata is small.
typedef struct {
    sqfs_file_t base;
    sqfs_u64 start;
    sqfs_u8 head[4096];
    sqfs_u8 *bytes;
    size_t used, capacity;
} las_sqfs_memory;

static inline void las_sqfs_memory_destroy(sqfs_object_t *object) {
    free(((las_sqfs_memory *)object)->bytes);
    free(object);
}
static inline sqfs_object_t *las_sqfs_memory_copy(const sqfs_object_t *object) {
    (void)object;
    return NULL;
}
static inline int las_sqfs_memory_read(sqfs_file_t *file, sqfs_u64 offset, void *buffer, size_t size) {
    las_sqfs_memory *m = (las_sqfs_memory *)file;
    if (offset < m->start || offset - m->start > m->used || size > m->used - (offset - m->start))
        return SQFS_ERROR_OUT_OF_BOUNDS;
    memcpy(buffer, m->bytes + (offset - m->start), size);
    return 0;
}
static inline int las_sqfs_memory_truncate(sqfs_file_t *file, sqfs_u64 size) {
    las_sqfs_memory *m = (las_sqfs_memory *)file;
    if (size < m->start) return SQFS_ERROR_OUT_OF_BOUNDS;
    size_t used = size - m->start;
    if (used > m->capacity) {
        size_t capacity = m->capacity ? m->capacity : 1 << 16;
        while (capacity < used) capacity *= 2;
        sqfs_u8 *bytes = (sqfs_u8 *)realloc(m->bytes, capacity);
        if (!bytes) return SQFS_ERROR_ALLOC;
        m->bytes = bytes;
        m->capacity = capacity;
    }
    if (used > m->used) memset(m->bytes + m->used, 0, used - m->used);
    m->used = used;
    return 0;
}
static inline int las_sqfs_memory_write(sqfs_file_t *file, sqfs_u64 offset, const void *buffer, size_t size) {
    las_sqfs_memory *m = (las_sqfs_memory *)file;
    if (offset <= sizeof(m->head) && size <= sizeof(m->head) - offset) {
        memcpy(m->head + offset, buffer, size);
        return 0;
    }
    if (offset < m->start) return SQFS_ERROR_OUT_OF_BOUNDS;
    if (offset + size > m->start + m->used) {
        int code = las_sqfs_memory_truncate(file, offset + size);
        if (code) return code;
    }
    memcpy(m->bytes + (offset - m->start), buffer, size);
    return 0;
}
static inline sqfs_u64 las_sqfs_memory_size(const sqfs_file_t *file) {
    const las_sqfs_memory *m = (const las_sqfs_memory *)file;
    return m->start + m->used;
}
// `start` is at least the size of `head`.
static inline las_sqfs_memory *las_sqfs_memory_create(sqfs_u64 start) {
    las_sqfs_memory *m = (las_sqfs_memory *)calloc(1, sizeof(*m));
    if (!m) return NULL;
    m->base.base.destroy = las_sqfs_memory_destroy;
    m->base.base.copy = las_sqfs_memory_copy;
    m->base.read_at = las_sqfs_memory_read;
    m->base.write_at = las_sqfs_memory_write;
    m->base.get_size = las_sqfs_memory_size;
    m->base.truncate = las_sqfs_memory_truncate;
    m->start = start;
    return m;
}

// Inodes, whose payload Swift can't reach; freed by free().
static inline sqfs_inode_generic_t *las_sqfs_inode(size_t payload) {
    sqfs_inode_generic_t *inode = (sqfs_inode_generic_t *)calloc(1, sizeof(*inode) + payload);
    if (!inode) return NULL;
    inode->payload_bytes_available = inode->payload_bytes_used = (sqfs_u32)payload;
    return inode;
}
static inline sqfs_inode_generic_t *las_sqfs_link_inode(const char *target, size_t size) {
    sqfs_inode_generic_t *inode = las_sqfs_inode(size);
    if (!inode) return NULL;
    inode->base.type = SQFS_INODE_SLINK;
    inode->data.slink.nlink = 1;
    inode->data.slink.target_size = (sqfs_u32)size;
    memcpy(inode->extra, target, size);
    return inode;
}
static inline sqfs_inode_generic_t *las_sqfs_file_inode(
    sqfs_u64 start, sqfs_u64 size, sqfs_u64 sparse, sqfs_u32 links, sqfs_u32 fragment, sqfs_u32 fragment_offset,
    const sqfs_u32 *blocks, size_t count) {
    sqfs_inode_generic_t *inode = las_sqfs_inode(count * sizeof(sqfs_u32));
    if (!inode) return NULL;
    if (start <= 0xFFFFFFFFUL && size <= 0xFFFFFFFFUL && sparse == 0 && links == 1) {
        inode->base.type = SQFS_INODE_FILE;
        inode->data.file.blocks_start = (sqfs_u32)start;
        inode->data.file.file_size = (sqfs_u32)size;
        inode->data.file.fragment_index = fragment;
        inode->data.file.fragment_offset = fragment_offset;
    } else {
        inode->base.type = SQFS_INODE_EXT_FILE;
        inode->data.file_ext.blocks_start = start;
        inode->data.file_ext.file_size = size;
        inode->data.file_ext.sparse = sparse;
        inode->data.file_ext.nlink = links;
        inode->data.file_ext.fragment_idx = fragment;
        inode->data.file_ext.fragment_offset = fragment_offset;
        inode->data.file_ext.xattr_idx = 0xFFFFFFFF;
    }
    if (count) memcpy(inode->extra, blocks, count * sizeof(sqfs_u32));
    return inode;
}
