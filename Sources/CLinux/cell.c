#define _GNU_SOURCE
#include "clinux_cell.h"
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Namespaces and mounts take longer to make than most small programs run. So process 1 stays, and starts one program after another; what
// one could leave for the next is looked at in between: processes, shared memory, queues, semaphores, sockets, and what it can do to
// process 1, whose user it is: limits, priority, processors. Files are the caller's to look at.

struct request {
    uint32_t length;
    uint32_t programs;
    uint32_t arguments;
    uint32_t variables;
};

struct ended {
    int32_t status;
    int32_t is_clean;
    struct las_usage usage;
};

void las_sandbox_stays(struct las_sandbox *sandbox, int looks) {
    sandbox->stays = 1;
    sandbox->looks = looks;
}

// MARK: The caller

static int write_all(int channel, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0) {
        ssize_t count = send(channel, next, length, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        next += count;
        length -= (size_t)count;
    }
    return 0;
}

static int read_all(int channel, void *bytes, size_t length) {
    char *next = bytes;
    while (length > 0) {
        ssize_t count = read(channel, next, length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        if (count == 0) {
            errno = ESRCH;
            return -1;
        }
        next += count;
        length -= (size_t)count;
    }
    return 0;
}

static size_t length_of(const struct texts *texts) {
    size_t length = 0;
    for (size_t i = 0; i < texts->count; i++) length += strlen(texts->items[i]) + 1;
    return length;
}

static char *put_texts(char *end, const struct texts *texts) {
    for (size_t i = 0; i < texts->count; i++) end = stpcpy(end, texts->items[i]) + 1;
    return end;
}

static int ask(int channel, const struct las_sandbox *sandbox) {
    const struct texts *all[] = {&sandbox->programs, &sandbox->arguments, &sandbox->variables};
    size_t length = 0;
    for (int i = 0; i < 3; i++) length += length_of(all[i]);
    if (length > 64u << 20) {
        errno = E2BIG;
        return -1;
    }
    struct request request = {(uint32_t)length, (uint32_t)all[0]->count, (uint32_t)all[1]->count, (uint32_t)all[2]->count};
    char *bytes = malloc(sizeof request + length);
    if (!bytes) return -1;
    memcpy(bytes, &request, sizeof request);
    char *end = bytes + sizeof request;
    for (int i = 0; i < 3; i++) end = put_texts(end, all[i]);

    struct iovec data = {.iov_base = bytes, .iov_len = sizeof request + length};
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
    memcpy(CMSG_DATA(header), &sandbox->streams[1], 2 * sizeof(int));
    ssize_t count;
    do count = sendmsg(channel, &message, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    int done = count < 0 ? -1 : write_all(channel, bytes + count, data.iov_len - (size_t)count);
    int error = errno;
    free(bytes);
    errno = error;
    return done;
}

int las_cell_start(int channel, const struct las_sandbox *sandbox, struct las_launch_failure *failure) {
    *failure = (struct las_launch_failure){LAS_STAGE_CLONE, 0, EINVAL};
    if (!sandbox->arguments.items || !sandbox->programs.items || sandbox->streams[1] < 0 || sandbox->streams[2] < 0)
        return -1;
    if (ask(channel, sandbox) || read_all(channel, failure, sizeof *failure)) {
        *failure = (struct las_launch_failure){LAS_STAGE_CLONE, 0, errno};
        return -1;
    }
    return failure->error ? -1 : 0;
}

int las_cell_wait(int channel, int *status, struct las_usage *usage, int *is_clean) {
    struct ended told;
    if (read_all(channel, &told, sizeof told)) return errno;
    *status = told.status;
    *usage = told.usage;
    *is_clean = told.is_clean;
    return 0;
}

// MARK: Process 1

/// What a program could change of process 1 and its namespaces without leaving a process.
struct left {
    struct rlimit limits[RLIM_NLIMITS];
    int priority;
    int policy;
    int io_priority;
    unsigned long processors[128];
    char numbers[2][1024];
    ssize_t lengths[2];
    char oom[32];
    ssize_t oom_length;
    struct stat folders[2];
};

/// Looked at again and again; -1 where the kernel has no such thing.
static int socket_counts[2], oom_file, folders[2];

static int open_here(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0); }

static void look(struct left *left) {
    memset(left, 0, sizeof *left);
    for (int i = 0; i < RLIM_NLIMITS; i++) syscall(SYS_prlimit64, 0, i, NULL, &left->limits[i]);
    left->priority = (int)syscall(SYS_getpriority, PRIO_PROCESS, 0);
    left->policy = (int)syscall(SYS_sched_getscheduler, 0);
    left->io_priority = (int)syscall(SYS_ioprio_get, 1, 0);
    syscall(SYS_sched_getaffinity, 0, sizeof left->processors, left->processors);
    for (int i = 0; i < 2; i++)
        if (socket_counts[i] >= 0) left->lengths[i] = pread(socket_counts[i], left->numbers[i], sizeof left->numbers[i], 0);
    if (oom_file >= 0) left->oom_length = pread(oom_file, left->oom, sizeof left->oom, 0);
    for (int i = 0; i < 2; i++) {
        struct stat status;
        if (folders[i] < 0 || fstat(folders[i], &status)) continue;
        left->folders[i].st_mode = status.st_mode;
        left->folders[i].st_uid = status.st_uid;
        left->folders[i].st_gid = status.st_gid;
    }
}

static int is_alike(const struct left *one, const struct left *other) {
    for (int i = 0; i < 2; i++) {
        // The numbers of the whole machine among them change by themselves.
        if ((one->lengths[i] > 0) != (other->lengths[i] > 0)) return 0;
        if (one->lengths[i] > 0 && !las_same_sockets(one->numbers[i], one->lengths[i], other->numbers[i], other->lengths[i]))
            return 0;
    }
    return !memcmp(one->limits, other->limits, sizeof one->limits) && one->priority == other->priority &&
           one->policy == other->policy && one->io_priority == other->io_priority &&
           !memcmp(one->processors, other->processors, sizeof one->processors) && one->oom_length == other->oom_length &&
           !memcmp(one->oom, other->oom, sizeof one->oom) && !memcmp(one->folders, other->folders, sizeof one->folders);
}

/// Whether nothing but `.` and `..` is there.
static int is_empty(int folder) {
    char entries[1024] __attribute__((aligned(8)));
    if (lseek(folder, 0, SEEK_SET) < 0) return 0;
    for (;;) {
        long count = syscall(SYS_getdents64, folder, entries, sizeof entries);
        if (count <= 0) return count == 0;
        for (long at = 0; at < count;) {
            struct {
                uint64_t inode;
                int64_t offset;
                unsigned short length;
                unsigned char kind;
                char name[];
            } *entry = (void *)(entries + at);
            if (strcmp(entry->name, ".") && strcmp(entry->name, "..")) return 0;
            at += entry->length;
        }
    }
}

/// Of System V, by the kernel's own counts.
static int has_no_queues(void) {
    struct shm_info memory = {0};
    struct seminfo semaphores = {0};
    struct msginfo messages = {0};
    if (syscall(SYS_shmctl, 0, SHM_INFO, &memory) >= 0 ? memory.used_ids != 0 : errno != ENOSYS) return 0;
    if (syscall(SYS_semctl, 0, 0, SEM_INFO, &semaphores) >= 0 ? semaphores.semusz != 0 : errno != ENOSYS) return 0;
    return syscall(SYS_msgctl, 0, MSG_INFO, &messages) >= 0 ? messages.msgpool == 0 : errno == ENOSYS;
}

static int is_clean(const struct left *before) {
    // Checked one by one: a kernel without a thing can't have any left.
    for (int i = 0; i < 2; i++)
        if (folders[i] >= 0 && !is_empty(folders[i])) return 0;
    static struct left now;
    if (!has_no_queues()) return 0;
    look(&now);
    return is_alike(before, &now);
}

struct program {
    char **programs;
    char **arguments;
    char **variables;
    int streams[3];
    volatile int error;
};

/// In process 1's memory until its exec, on a stack of its own.
static int become(void *argument) {
    struct program *program = argument;
    syscall(SYS_setsid);
    // What comes by the channel lies above the three.
    for (int i = 0; i < 3; i++) {
        if (syscall(SYS_dup3, program->streams[i], i, 0) < 0) {
            program->error = errno;
            _exit(127);
        }
    }
    uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    int error = ENOENT;
    for (char **path = program->programs; *path; path++) {
        // An exec that fails makes and unmakes an address space first.
        if (syscall(SYS_faccessat, AT_FDCWD, *path, F_OK) && errno == ENOENT) continue;
        syscall(SYS_execve, *path, program->arguments, program->variables);
        if (errno != ENOENT && errno != ENOTDIR) error = errno;
        if (error != ENOENT && error != EACCES) break;
    }
    program->error = error;
    _exit(127);
}

/// The texts of a request, and room for the lists that point at them: kept for the next one where it is large enough.
static char *room;
static size_t room_size;

static int make_room(size_t size) {
    if (size <= room_size) return 0;
    if (room) munmap(room, room_size);
    room_size = (size + 0xffff) & ~(size_t)0xffff;
    room = mmap(NULL, room_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room != MAP_FAILED) return 0;
    room = NULL;
    room_size = 0;
    return -1;
}

/// Reads a request. The stream's first byte comes with the descriptors.
static int receive(int channel, struct program *program) {
    struct request request;
    struct iovec data = {.iov_base = &request, .iov_len = sizeof request};
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count;
    do count = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    struct cmsghdr *header = count > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(2 * sizeof(int))) return -1;
    memcpy(&program->streams[1], CMSG_DATA(header), 2 * sizeof(int));
    if (read_all(channel, (char *)&request + count, sizeof request - (size_t)count)) return -1;
    size_t lists = (size_t)request.programs + request.arguments + request.variables + 3;
    if (make_room(lists * sizeof(char *) + request.length)) return -1;
    char **next = (char **)(void *)room, *text = room + lists * sizeof(char *), *end = text + request.length;
    if (read_all(channel, text, request.length)) return -1;
    uint32_t counts[3] = {request.programs, request.arguments, request.variables};
    char **starts[3];
    for (int i = 0; i < 3; i++) {
        starts[i] = next;
        for (uint32_t n = 0; n < counts[i]; n++) {
            if (text >= end) return -1;
            *next++ = text;
            text += strlen(text) + 1;
        }
        *next++ = NULL;
    }
    program->programs = starts[0];
    program->arguments = starts[1];
    program->variables = starts[2];
    program->error = 0;
    return 0;
}

_Noreturn void las_be_cell(int channel, int looks) {
    int null = open_here("/dev/null", O_RDWR);
    if (null >= 0 && null < 3) null = (int)syscall(SYS_fcntl, null, F_DUPFD_CLOEXEC, 3);
    static struct left before;
    if (looks) {
        socket_counts[0] = open_here("/proc/self/net/sockstat", O_RDONLY);
        socket_counts[1] = open_here("/proc/self/net/sockstat6", O_RDONLY);
        oom_file = open_here("/proc/self/oom_score_adj", O_RDONLY);
        folders[0] = open_here("/dev/shm", O_RDONLY | O_DIRECTORY);
        folders[1] = open_here("/dev/mqueue", O_RDONLY | O_DIRECTORY);
        look(&before);
    }
    uint64_t all = ~0ull;
    int signals = (int)syscall(SYS_signalfd4, -1, &all, sizeof all, O_CLOEXEC | O_NONBLOCK);
    struct rusage own = {0};
    syscall(SYS_getrusage, RUSAGE_SELF, &own);
    static _Alignas(64) char stack[64 << 10];
    pid_t running = 0;
    for (;;) {
        struct pollfd waits[2] = {{signals, POLLIN, 0}, {channel, running ? 0 : POLLIN, 0}};
        if (poll(waits, 2, -1) < 0) continue;
        if (waits[1].revents & ~POLLIN) _exit(128 + SIGKILL);
        uint8_t information[128];
        while (waits[0].revents && read(signals, information, sizeof information) == sizeof information) {
            uint32_t number = *(uint32_t *)information;
            if (number != SIGCHLD) kill(-1, (int)number);
        }
        int status;
        struct rusage used;
        pid_t ended;
        while ((ended = wait4(-1, &status, WNOHANG, &used)) > 0) {
            if (ended != running) continue;
            // All that it started ends with it; whatever lost its parent is a child of this one.
            while (waitpid(-1, NULL, WNOHANG | __WALL) >= 0) {
                kill(-1, SIGKILL);
                waitpid(-1, NULL, __WALL);
            }
            struct ended told = {status, 0, las_usage_of(&used)};
            told.usage.floor_memory = own.ru_maxrss * 1024ll;
            told.is_clean = !looks || is_clean(&before);
            running = 0;
            if (write_all(channel, &told, sizeof told)) _exit(128 + SIGKILL);
        }
        if (running || !(waits[1].revents & POLLIN)) continue;
        static struct program program;
        program.streams[0] = null;
        if (receive(channel, &program)) _exit(128 + SIGKILL);
        struct las_launch_failure told = {LAS_STAGE_FORK, 0, 0};
        running = clone(become, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &program);
        if (running < 0) told.error = errno;
        else if (program.error) {
            told = (struct las_launch_failure){LAS_STAGE_EXEC, 0, program.error};
            while (waitpid(running, NULL, 0) < 0 && errno == EINTR) {}
        }
        close(program.streams[1]);
        close(program.streams[2]);
        if (told.error) running = 0;
        if (write_all(channel, &told, sizeof told)) _exit(128 + SIGKILL);
    }
}
