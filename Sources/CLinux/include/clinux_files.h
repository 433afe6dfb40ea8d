#pragma once
#include <stdint.h>
#include <sys/types.h>

// File system calls that Swift's Glibc module lacks. Each that has an answer returns -1 with errno set.

// Writes all that waits in memory for the file system of this descriptor.
int las_syncfs(int descriptor);

// Makes `target`, an empty file, share the data of `source`; EOPNOTSUPP, EINVAL or EXDEV where the file system can't.
int las_clone_file(int source, int target);

// Makes a range of `target` share the data of a range of `source`: offsets and length are multiples of the file system's
// block, save at the source's end. EOPNOTSUPP, EINVAL or EXDEV where the file system can't.
int las_clone_range(int source, int64_t source_offset, int target, int64_t target_offset, int64_t count);

// Copies up to `count` bytes inside the kernel, from and to the current offsets; 0 at the source's end.
long las_copy_file_range(int source, int target, unsigned long count);

// The same from and to these offsets, sharing the data where the file system can.
ssize_t las_copy_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t count);

// Has the system begin to write a range to the disk; a hint, without an answer.
void las_begin_writing(int descriptor, int64_t offset, int64_t count);

// Has a socket take bytes of a file as they lie in memory. As sendfile(2), but a socket whose other side is gone is no signal.
ssize_t las_send_file(int socket, int file, int64_t offset, size_t count);

// Has what is written from now on go straight from the caller's memory to the disk, in whole blocks of 4096 bytes; or no more. Only
// for file systems on which that was tried.
int las_write_straight(int descriptor, int is_straight);

// Sets room aside for `size` bytes, without making the file longer.
int las_reserve(int descriptor, int64_t size);

// O_PATH and O_DIRECT of this machine.
extern const int las_open_path;
extern const int las_open_direct;

// Renames where nothing is there yet (EEXIST), and makes two paths change places; each is relative to an open folder.
int las_rename_new(int from_folder, const char *from, int to_folder, const char *to);
int las_exchange(int one_folder, const char *one, int other_folder, const char *other);

// A watcher of folders (inotify) that becomes readable when something in one of them was made, closed after writing, moved or
// removed. Adding the same folder twice is one.
int las_watcher_new(void);
int las_watcher_add(int watcher, const char *folder);
// Reads away what it tells; 1 where it told something, 2 where too much happened to be told.
int las_watcher_drain(int watcher);

// Whether a file that is open for reading is open for writing anywhere: 1 or 0; -1 where that can't be told.
int las_is_written(int descriptor);

/* The number of the kind of file system that holds a path, as statfs(2) lists them; 0 with errno where that can't be told. */
unsigned int las_file_system(const char *path);

// Whether a file or folder has attributes that its owner gave it, or a list of who may do what; links are not followed.
int las_has_attributes(const char *path);

// Whether a program gets rights of its own by the attribute of that name.
int las_has_capabilities(const char *path);

// A file's extended attributes: their names, each with a NUL after it, and the value of one. Both return how long they are, also
// where `size` is 0; links are not followed.
ssize_t las_attribute_names(const char *path, char *names, size_t size);
ssize_t las_attribute(const char *path, const char *name, void *value, size_t size);
int las_set_attribute(int descriptor, const char *name, const void *value, size_t size);
