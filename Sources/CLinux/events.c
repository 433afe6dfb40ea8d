#define _GNU_SOURCE
#include "clinux_events.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <unistd.h>

int las_poller_new(void) { return epoll_create1(EPOLL_CLOEXEC); }

int las_poller_add(int poller, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

int las_poller_remove(int poller, int descriptor) { return epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, NULL); }

int las_poller_wait(int poller, struct las_ready *ready, int capacity, int milliseconds) {
    struct epoll_event events[64];
    int count = epoll_wait(poller, events, capacity < 64 ? capacity : 64, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++)
        ready[i] = (struct las_ready){events[i].data.u64, (events[i].events & (EPOLLHUP | EPOLLERR)) != 0};
    return count;
}

int las_signals(const int *numbers, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, numbers[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error) {
        errno = error;
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int las_next_signal(int descriptor) {
    struct signalfd_siginfo information;
    return read(descriptor, &information, sizeof information) == sizeof information ? (int)information.ssi_signo : 0;
}

int las_watch_file(const char *path) {
    int watcher = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watcher < 0) return -1;
    if (inotify_add_watch(watcher, path, IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF) < 0) {
        int error = errno;
        close(watcher);
        errno = error;
        return -1;
    }
    return watcher;
}

int las_watched(int descriptor) {
    char buffer[4096] __attribute__((aligned(8)));
    int told = 0;
    for (;;) {
        ssize_t count = read(descriptor, buffer, sizeof buffer);
        if (count <= 0) return told;
        for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= count;) {
            struct inotify_event event;
            memcpy(&event, buffer + at, sizeof event);
            if (event.mask & IN_MODIFY) told |= 1;
            if (event.mask & IN_CLOSE_WRITE) told |= 2;
            if (event.mask & (IN_DELETE_SELF | IN_ATTRIB | IN_IGNORED)) told |= 4;
            at += (ssize_t)(sizeof event + event.len);
        }
    }
}

int las_pipe(int ends[2], int nonblocking) {
    if (pipe2(ends, O_CLOEXEC)) return -1;
    if (nonblocking && fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        errno = error;
        return -1;
    }
    return 0;
}

int las_memory_file(void) { return memfd_create("las", MFD_CLOEXEC); }

int las_pidfd(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int las_signal_pidfd(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

int las_start_session(const char *path, char *const *arguments, char *const *environment, const int *descriptors,
                      int count) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) goto failed;
    if ((error = posix_spawnattr_init(&attributes))) {
        posix_spawn_file_actions_destroy(&actions);
        goto failed;
    }
    // What asks it to end waits until it listens.
    sigset_t asking, all;
    sigemptyset(&asking);
    sigaddset(&asking, SIGTERM);
    sigaddset(&asking, SIGINT);
    sigaddset(&asking, SIGHUP);
    sigaddset(&asking, SIGUSR1);
    sigaddset(&asking, SIGUSR2);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &asking);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    // First out of the way of the numbers that they become, so that none is overwritten before it was moved.
    for (int i = 0; !error && i < count; i++)
        error = posix_spawn_file_actions_adddup2(&actions, descriptors[i], 100 + i);
    for (int i = 0; !error && i < count; i++) error = posix_spawn_file_actions_adddup2(&actions, 100 + i, i);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, count);
    pid_t child = -1;
    if (!error) error = posix_spawn(&child, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (!error) return child;
failed:
    errno = error;
    return -1;
}

int las_usable_cpus(void) {
    cpu_set_t *set = NULL;
    for (int cpus = 1024; cpus <= 65536; cpus *= 4) {
        size_t size = CPU_ALLOC_SIZE(cpus);
        set = CPU_ALLOC((size_t)cpus);
        if (!set) break;
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

int64_t las_total_memory(void) {
    struct sysinfo information;
    return sysinfo(&information) ? 0 : (int64_t)information.totalram * information.mem_unit;
}

static int local_socket(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int las_local_listen(const char *path) {
    struct sockaddr_un address;
    int listening = local_socket(path, &address);
    if (listening < 0) return -1;
    if (bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 8) == 0) return listening;
    int error = errno;
    close(listening);
    errno = error;
    return -1;
}

int las_local_connect(const char *path) {
    struct sockaddr_un address;
    int connected = local_socket(path, &address);
    if (connected < 0) return -1;
    if (connect(connected, (struct sockaddr *)&address, sizeof address) == 0) return connected;
    int error = errno;
    close(connected);
    errno = error;
    return -1;
}

int las_local_accept(int listening) { return accept4(listening, NULL, NULL, SOCK_CLOEXEC); }

int las_hand_over(int connected, int input, int output) {
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr aligned;
    } room;
    memset(&room, 0, sizeof room);
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(2 * sizeof(int));
    int ends[2] = {input, output};
    memcpy(CMSG_DATA(header), ends, sizeof ends);
    ssize_t count;
    do count = sendmsg(connected, &message, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    return count == 1 ? 0 : -1;
}

int las_take_over(int connected, int ends[2]) {
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr aligned;
    } room;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    ssize_t count;
    do count = recvmsg(connected, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    struct cmsghdr *header = count == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(2 * sizeof(int))) {
        if (count >= 0) errno = EPROTO;
        return -1;
    }
    memcpy(ends, CMSG_DATA(header), 2 * sizeof(int));
    return 0;
}
