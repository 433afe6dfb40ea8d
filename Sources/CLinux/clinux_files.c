#define _GNU_SOURCE
#include "clinux_files.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

int las_syncfs(int descriptor) { return syncfs(descriptor); }

int las_clone_file(int source, int target) { return ioctl(target, FICLONE, source); }

int las_clone_range(int source, int64_t source_offset, int target, int64_t target_offset, int64_t count) {
    struct file_clone_range range = {
        .src_fd = source,
        .src_offset = (__u64)source_offset,
        .src_length = (__u64)count,
        .dest_offset = (__u64)target_offset,
    };
    return ioctl(target, FICLONERANGE, &range);
}

long las_copy_file_range(int source, int target, unsigned long count) {
    return copy_file_range(source, NULL, target, NULL, count, 0);
}

ssize_t las_copy_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t count) {
    off_t from = source_offset, to = target_offset;
    return copy_file_range(source, &from, target, &to, count, 0);
}

void las_begin_writing(int descriptor, int64_t offset, int64_t count) {
    sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

int las_reserve(int descriptor, int64_t size) { return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, size); }
