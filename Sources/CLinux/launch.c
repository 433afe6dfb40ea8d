#define _GNU_SOURCE
#include "launch.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// After clone only this thread exists, and any lock of libc may be held by one that does not: system calls only,
// no malloc, no stdio, and none of the calls by which libc keeps all threads alike (setuid and its kin).

/// Where descriptors lie in the child from its start on.
enum { ERRORS = 3, STATUS = 4, LIFELINE = 5, FIRST_FREE = 6 };

static _Noreturn void fail(int stage, int index, int error) {
    struct las_launch_failure failure = {stage, index, error};
    ssize_t written = write(ERRORS, &failure, sizeof failure);
    (void)written;
    _exit(127);
}

/// Like fork, with namespaces; clone3 where the kernel has it (5.3), which also gives a pidfd.
static pid_t fork_into(uint64_t flags, int *pidfd) {
    struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};
    if (pidfd) {
        arguments.flags |= CLONE_PIDFD;
        arguments.pidfd = (uint64_t)(uintptr_t)pidfd;
    }
    pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child >= 0 || errno != ENOSYS) return child;
    if (pidfd) *pidfd = -1;
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void close_from(int first) {
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0) return;
    long limit = sysconf(_SC_OPEN_MAX);
    for (int descriptor = first; descriptor < (limit > 0 ? limit : 1024); descriptor++) close(descriptor);
}

/// By the child, for itself and all that it starts; the descriptors are as they were in the caller.
static int join_groups(const struct las_sandbox *sandbox, int *index) {
    for (size_t i = 0; i < sandbox->group_count; i++) {
        *index = (int)i;
        int file = (int)syscall(SYS_openat, sandbox->groups[i], "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
        if (file < 0) return errno;
        int error = write(file, "0", 1) == 1 ? 0 : errno;
        close(file);
        if (error) return error;
    }
    return 0;
}

/// Puts the six descriptors that the child needs at 0…5 and closes all others.
static void settle_descriptors(const struct las_sandbox *sandbox, int errors, int status, int lifeline) {
    int wanted[FIRST_FREE] = {sandbox->streams[0], sandbox->streams[1], sandbox->streams[2], errors, status, lifeline};
    int lifted[FIRST_FREE];
    // The pipe for errors first, so that the others' failures can be told.
    for (int i = FIRST_FREE - 1; i >= 0; i--) {
        if (i > ERRORS && wanted[i] < 0) {
            lifted[i] = -1;
            continue;
        }
        int descriptor = wanted[i];
        if (descriptor < 0) descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);
        lifted[i] = descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_FREE);
        if (lifted[i] < 0) {
            int error = errno;
            dup2(errors, ERRORS);
            fail(LAS_STAGE_DESCRIPTORS, i, error);
        }
    }
    for (int i = 0; i < FIRST_FREE; i++) {
        if (lifted[i] < 0) close(i);
        else if (dup3(lifted[i], i, i < ERRORS ? 0 : O_CLOEXEC) < 0) {
            int error = errno;
            dup2(lifted[ERRORS], ERRORS);
            fail(LAS_STAGE_DESCRIPTORS, i, error);
        }
    }
    close_from(FIRST_FREE);
}

static void settle_signals(void) {
    for (int number = 1; number < 65; number++) {
        struct {
            void *handler;
            unsigned long flags;
            void *restorer;
            uint64_t mask;
        } action = {0};
        syscall(SYS_rt_sigaction, number, &action, NULL, sizeof(uint64_t));
    }
}

static void unblock_signals(void) {
    uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

/// The program's process, up to its exec.
static _Noreturn void become_program(const struct las_sandbox *sandbox) {
    int stage = 0, index = 0;
    if (las_settle_rights(sandbox, &stage, &index)) fail(stage, index, errno);
    unblock_signals();
    int error = ENOENT;
    for (size_t i = 0; i < sandbox->programs.count; i++) {
        execve(sandbox->programs.items[i], sandbox->arguments.items, sandbox->variables.items);
        if (errno != ENOENT && errno != ENOTDIR) error = errno;
        if (error != ENOENT && error != EACCES) break;
    }
    fail(LAS_STAGE_EXEC, 0, error);
}

/// What process 1 tells of the program's end.
struct ended {
    int status;
    struct las_usage usage;
};

struct las_usage las_usage_of(const struct rusage *used) {
    return (struct las_usage){
        .user_microseconds = used->ru_utime.tv_sec * 1000000ll + used->ru_utime.tv_usec,
        .system_microseconds = used->ru_stime.tv_sec * 1000000ll + used->ru_stime.tv_usec,
        .peak_memory = used->ru_maxrss * 1024ll,
    };
}

/// Process 1 of the sandbox: hands signals on, reaps, and ends with the program or with the caller. The kernel then ends
/// whatever else is in the sandbox.
static _Noreturn void be_init(pid_t program, int64_t floor) {
    // The parent's pipe is closed by the program's exec, and its streams by the program's end.
    close(ERRORS);
    for (int i = 0; i < ERRORS; i++) close(i);
    uint64_t all = ~0ull;
    int signals = (int)syscall(SYS_signalfd4, -1, &all, sizeof all, O_CLOEXEC | O_NONBLOCK);
    struct pollfd waits[2] = {{signals, POLLIN, 0}, {LIFELINE, 0, 0}};
    for (;;) {
        int status;
        pid_t ended;
        struct rusage used;
        while ((ended = wait4(-1, &status, WNOHANG, &used)) > 0) {
            if (ended != program) continue;
            struct ended told = {status, las_usage_of(&used)};
            told.usage.floor_memory = floor;
            ssize_t written = write(STATUS, &told, sizeof told);
            (void)written;
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
        if (poll(waits, 2, -1) < 0) continue;
        if (waits[1].revents) _exit(128 + SIGKILL);
        uint8_t information[128];
        while (read(signals, information, sizeof information) == sizeof information) {
            uint32_t number = *(uint32_t *)information;
            if (number != SIGCHLD) kill(-1, (int)number);
        }
    }
}

/// Children's process ids, from the kernel's list.
static int read_children(int *children, int capacity) {
    int file = (int)syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/children", O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) return -1;
    char text[4096];
    ssize_t length = read(file, text, sizeof text);
    close(file);
    int count = 0, number = 0;
    for (ssize_t i = 0; i < length && count < capacity; i++) {
        if (text[i] >= '0' && text[i] <= '9') number = number * 10 + (text[i] - '0');
        else if (number) {
            children[count++] = number;
            number = 0;
        }
    }
    return length < 0 ? -1 : count;
}

/// What loses its parent becomes a child of the keeper: so all of it comes by, and ends here.
static void end_all(pid_t program) {
    int children[256];
    for (;;) {
        int count = read_children(children, 256);
        // Kernels without that list: the program's group only.
        if (count < 0 && kill(-program, SIGKILL)) return;
        for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
        pid_t ended = waitpid(-1, NULL, 0);
        if (ended < 0 && errno == ECHILD) return;
    }
}

enum { END_ALL = 64 };

/// Stands for process 1 where there is no pid namespace.
static _Noreturn void be_keeper(pid_t program) {
    close(ERRORS);
    for (int i = 0; i < ERRORS; i++) close(i);
    uint64_t all = ~0ull;
    int signals = (int)syscall(SYS_signalfd4, -1, &all, sizeof all, O_CLOEXEC | O_NONBLOCK);
    struct pollfd waits[2] = {{signals, POLLIN, 0}, {LIFELINE, 0, 0}};
    for (;;) {
        int status;
        pid_t ended;
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
            if (ended != program) continue;
            ssize_t written = write(STATUS, &status, sizeof status);
            (void)written;
            end_all(program);
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
        if (poll(waits, 2, -1) < 0) continue;
        int ends = waits[1].revents != 0;
        uint8_t information[128];
        while (read(signals, information, sizeof information) == sizeof information) {
            uint32_t number = *(uint32_t *)information;
            if (number == END_ALL) ends = 1;
            else if (number != SIGCHLD) kill(-program, (int)number);
        }
        if (ends) {
            end_all(program);
            status = SIGKILL;
            ssize_t written = write(STATUS, &status, sizeof status);
            (void)written;
            _exit(128 + SIGKILL);
        }
    }
}

/// On a stack of its own, while the one that it is cloned from waits.
static int start_program(void *argument) {
    const struct las_sandbox *sandbox = argument;
    // A group of its own, so that signals for the program do not come back to the keeper.
    if (!(sandbox->namespaces & LAS_NAMESPACE_PID)) setpgid(0, 0);
    become_program(sandbox);
}

static _Noreturn void be_child(const struct las_sandbox *sandbox, int errors, int status, int lifeline, pid_t parent) {
    int has_init = (sandbox->namespaces & LAS_NAMESPACE_PID) != 0;
    int group = 0, refused = join_groups(sandbox, &group);
    settle_descriptors(sandbox, errors, status, lifeline);
    if (refused) fail(LAS_STAGE_GROUP, group, refused);
    settle_signals();
    if (!has_init && !sandbox->keeps) {
        // Without process 1 of our own: end with the thread that launched us.
        syscall(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, SIGKILL, 0, 0, 0);
        if (getppid() != parent) _exit(127);
    }
    int stage = 0, index = 0;
    if (las_settle_namespaces(sandbox, &stage, &index)) fail(stage, index, errno);
    setsid();
    if (!has_init && !sandbox->keeps) become_program(sandbox);
    if (!has_init) syscall(SYS_prctl, 36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0);
    // Not dumpable: nothing in the sandbox reads or traces process 1.
    syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
    if (sandbox->stays) {
        // It starts programs later, with the rights that it has then: none.
        if (las_settle_rights(sandbox, &stage, &index)) fail(stage, index, errno);
        close(ERRORS);
        for (int i = 0; i < ERRORS; i++) close(i);
        las_be_cell(LIFELINE, sandbox->looks);
    }
    // The program's count of memory goes on from this one's.
    struct rusage own = {0};
    syscall(SYS_getrusage, RUSAGE_SELF, &own);
    // In this one's memory until its exec, as by vfork: copying that would take longer than all else here.
    static _Alignas(64) char stack[64 << 10];
    pid_t program = clone(start_program, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)sandbox);
    if (program < 0) fail(LAS_STAGE_FORK, 0, errno);
    if (!has_init) be_keeper(program);
    be_init(program, own.ru_maxrss * 1024ll);
}

static void close_pair(int pair[2]) {
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0) close(pair[i]);
}

static uint64_t clone_flags(uint32_t namespaces) {
    uint64_t flags = 0;
    if (namespaces & LAS_NAMESPACE_USER) flags |= CLONE_NEWUSER;
    if (namespaces & LAS_NAMESPACE_MOUNT) flags |= CLONE_NEWNS;
    if (namespaces & LAS_NAMESPACE_PID) flags |= CLONE_NEWPID;
    if (namespaces & LAS_NAMESPACE_IPC) flags |= CLONE_NEWIPC;
    if (namespaces & LAS_NAMESPACE_UTS) flags |= CLONE_NEWUTS;
    if (namespaces & LAS_NAMESPACE_NETWORK) flags |= CLONE_NEWNET;
    return flags;
}

int las_sandbox_launch(struct las_sandbox *sandbox, struct las_launched *launched, struct las_launch_failure *failure) {
    int has_init = (sandbox->namespaces & LAS_NAMESPACE_PID) != 0 || sandbox->keeps;
    int errors[2] = {-1, -1}, status[2] = {-1, -1}, lifeline[2] = {-1, -1};
    *launched = (struct las_launched){-1, -1, -1, -1, sandbox->keeps};
    *failure = (struct las_launch_failure){LAS_STAGE_PIPES, 0, 0};
    // texts.items is NULL while nothing was added, which execve takes for an empty list on Linux only.
    if (!sandbox->stays && (!sandbox->arguments.items || !sandbox->programs.items)) {
        failure->error = EINVAL;
        return -1;
    }
    static char *no_variables[] = {NULL};
    if (!sandbox->variables.items) sandbox->variables.items = no_variables;
    int has_pipes = pipe2(errors, O_CLOEXEC) == 0;
    if (has_pipes && sandbox->stays) has_pipes = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lifeline) == 0;
    else if (has_pipes && has_init) has_pipes = pipe2(status, O_CLOEXEC) == 0 && pipe2(lifeline, O_CLOEXEC) == 0;
    if (!has_pipes) {
        failure->error = errno;
        goto failed;
    }
    uint64_t all = ~0ull, before;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    pid_t parent = getpid();
    sandbox->outside_user = geteuid();
    sandbox->outside_group = getegid();
    pid_t child = fork_into(clone_flags(sandbox->namespaces), &launched->pidfd);
    if (child == 0) be_child(sandbox, errors[1], status[1], lifeline[0], parent);
    int clone_error = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    if (sandbox->variables.items == no_variables) sandbox->variables.items = NULL;
    if (child < 0) {
        *failure = (struct las_launch_failure){LAS_STAGE_CLONE, 0, clone_error};
        launched->pidfd = -1;
        goto failed;
    }
    close(errors[1]);
    errors[1] = -1;
    struct las_launch_failure told;
    ssize_t count;
    do count = read(errors[0], &told, sizeof told);
    while (count < 0 && errno == EINTR);
    close(errors[0]);
    errors[0] = -1;
    if (count != 0) {
        if (count == sizeof told) *failure = told;
        else *failure = (struct las_launch_failure){LAS_STAGE_CLONE, 0, EIO};
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        if (launched->pidfd >= 0) close(launched->pidfd);
        launched->pidfd = -1;
        goto failed;
    }
    if (has_init) {
        if (status[1] >= 0) close(status[1]);
        close(lifeline[0]);
    }
    launched->pid = child;
    launched->status = status[0];
    launched->lifeline = lifeline[1];
    return 0;
failed:
    close_pair(errors);
    close_pair(status);
    close_pair(lifeline);
    return -1;
}

int las_sandbox_signal(const struct las_launched *launched, int number) {
    // Were the keeper killed, nobody would end what it keeps.
    if (launched->kept && number == SIGKILL) number = END_ALL;
    // Without process 1 to hand it on, the session's first group gets it.
    if (launched->status < 0 && kill(-launched->pid, number) == 0) return 0;
    if (launched->pidfd >= 0 && syscall(SYS_pidfd_send_signal, launched->pidfd, number, NULL, 0) == 0) return 0;
    return kill(launched->pid, number);
}

int las_sandbox_wait(const struct las_launched *launched, int *status, struct las_usage *usage) {
    struct rusage used;
    while (wait4(launched->pid, status, 0, &used) < 0)
        if (errno != EINTR) return errno;
    *usage = las_usage_of(&used);
    struct ended told;
    if (launched->status >= 0 && read(launched->status, &told, sizeof told) == sizeof told) {
        *status = told.status;
        *usage = told.usage;
    }
    return 0;
}
