#pragma once
// Waiting for many things at once, signals as descriptors, changes of files, processes by descriptor.

#include <stdint.h>

/// What is ready: the token that its descriptor was added with.
struct las_ready {
    uint64_t token;
    /// Whether the other end is closed, or there was an error.
    int32_t ended;
};

/// All return -1 with errno set.
int las_poller_new(void);
int las_poller_add(int poller, int descriptor, uint64_t token);
int las_poller_remove(int poller, int descriptor);
/// Waits at most `milliseconds`, -1 for ever; 0 for a signal's interruption too.
int las_poller_wait(int poller, struct las_ready *ready, int capacity, int milliseconds);

/// Blocks these signals in the calling thread, and those that it starts, and gives a descriptor that tells of them.
int las_signals(const int *numbers, int count);
/// The number of the next signal, 0 when there is none.
int las_next_signal(int descriptor);

/// Tells of writes to a file and of its being closed by who wrote it.
int las_watch_file(const char *path);
/// Reads all that is told: bit 0 for writes, bit 1 for a closing, bit 2 for its removal.
int las_watched(int descriptor);

/// A pipe whose ends do not survive an exec; `nonblocking` for the end that is read.
int las_pipe(int ends[2], int nonblocking);
// A file in memory, under no name, closed on exec.
int las_memory_file(void);

/// ENOSYS before Linux 5.3.
int las_pidfd(int pid);
int las_signal_pidfd(int pidfd, int signal);

/// Starts a program in a session of its own, with SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 blocked, with descriptors 0…count-1 from `descriptors`; no others are handed on.
/// Returns its process id, or -1 with errno set.
int las_start_session(const char *path, char *const *arguments, char *const *environment, const int *descriptors,
                      int count);

/// A socket in the file system, for processes of one user: made, connected to, accepted from. -1 with errno set.
int las_local_listen(const char *path);
int las_local_connect(const char *path);
int las_local_accept(int listening);
/// Gives the other process both ends of a connection, as descriptors of its own; 0, or -1 with errno set.
int las_hand_over(int connected, int input, int output);
/// Takes what `las_hand_over` gave. Waits for it.
int las_take_over(int connected, int ends[2]);

/// Processors that this process may use.
int las_usable_cpus(void);
/// Bytes of memory of the machine.
int64_t las_total_memory(void);
