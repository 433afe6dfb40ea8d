#define _GNU_SOURCE
#include "clinux_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "las runs on x86-64 and aarch64"
#endif

// Numbers that are the same on every architecture, where the headers may be older than the kernel.
#define NR_IO_URING_SETUP 425
#define NR_IO_URING_ENTER 426
#define NR_IO_URING_REGISTER 427
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_FSCONFIG 431
#define NR_FSMOUNT 432
#define NR_FSPICK 433
#define NR_CLONE3 435
#define NR_MOUNT_SETATTR 442
#define NR_OPENAT2 437
#define NR_FACCESSAT2 439
#define NR_QUOTACTL_FD 443
#define NR_FCHMODAT2 452
// The newest system call that was looked at for these filters (futex_requeue): the task filter answers ENOSYS above it.
#define NR_NEWEST_KNOWN 456

#define AF_VSOCK_NUMBER 40
#define NAMESPACE_FLAGS                                                                                              \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

struct writer {
    struct las_filter_instruction *program;
    size_t length;
};

static void put(struct writer *writer, uint16_t code, uint32_t value, uint8_t jump_true, uint8_t jump_false) {
    if (writer->length < LAS_FILTER_LARGEST)
        writer->program[writer->length] = (struct las_filter_instruction){code, jump_true, jump_false, value};
    writer->length++;
}

static void load(struct writer *writer, size_t offset) { put(writer, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }

static void answer(struct writer *writer, uint32_t value) { put(writer, BPF_RET | BPF_K, value, 0, 0); }

static uint32_t error_answer(uint32_t number) { return SECCOMP_RET_ERRNO | (number & SECCOMP_RET_DATA); }

static void load_number(struct writer *writer) { load(writer, offsetof(struct seccomp_data, nr)); }

/// The low half of an argument: flags, modes and commands are 32 bits wide in all calls that are looked at here.
static void load_argument(struct writer *writer, unsigned index) {
    load(writer, offsetof(struct seccomp_data, args) + 8 * index);
}

/// Expects the call's number to be loaded.
static void answer_call(struct writer *writer, uint32_t number, uint32_t value) {
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
    answer(writer, value);
}

static void answer_calls(struct writer *writer, const uint32_t *numbers, size_t count, uint32_t value) {
    for (size_t i = 0; i < count; i++) answer_call(writer, numbers[i], value);
}

/// Where the call's argument, masked, is one of the values; expects and leaves the number loaded.
static void answer_argument(struct writer *writer, uint32_t number, unsigned argument, uint32_t mask,
                            const uint32_t *values, size_t count, uint32_t value) {
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, number, 0, (uint8_t)(3 + 2 * count));
    load_argument(writer, argument);
    put(writer, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    for (size_t i = 0; i < count; i++) answer_call(writer, values[i], value);
    load_number(writer);
}

/// Where the call's argument has any of the bits.
static void answer_bits(struct writer *writer, uint32_t number, unsigned argument, uint32_t bits, uint32_t value) {
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
    load_argument(writer, argument);
    put(writer, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    answer(writer, value);
    load_number(writer);
}

/// Calls of another architecture's table (32-bit programs, x32) get `other`.
static void begin(struct writer *writer, uint32_t other) {
    load(writer, offsetof(struct seccomp_data, arch));
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    answer(writer, other);
    load_number(writer);
#if defined(__x86_64__)
    put(writer, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    answer(writer, other);
#endif
}

/// The kernel's own workings: nothing that a sandbox has any business with.
static const uint32_t kernel_calls[] = {
    __NR_acct,          __NR_add_key,       __NR_bpf,           __NR_clock_adjtime,    __NR_clock_settime,
    __NR_adjtimex,      __NR_delete_module, __NR_finit_module,  __NR_init_module,      __NR_kexec_load,
    __NR_keyctl,        __NR_lookup_dcookie, __NR_nfsservctl,   __NR_open_by_handle_at, __NR_perf_event_open,
    __NR_quotactl,      __NR_reboot,        __NR_request_key,   __NR_settimeofday,     __NR_swapoff,
    __NR_swapon,        __NR_syslog,        __NR_userfaultfd,   __NR_vhangup,          __NR_fanotify_init,
    NR_QUOTACTL_FD,     NR_IO_URING_SETUP,  NR_IO_URING_ENTER,  NR_IO_URING_REGISTER,
#ifdef __NR_kexec_file_load
    __NR_kexec_file_load,
#endif
#if defined(__x86_64__)
    __NR_create_module, __NR_get_kernel_syms, __NR_query_module, __NR_ioperm,          __NR_iopl,
    __NR_sysfs,         __NR__sysctl,       __NR_uselib,        __NR_ustat,            __NR_modify_ldt,
#endif
};

/// Mounts, namespaces and names of the machine.
static const uint32_t mount_calls[] = {
    __NR_mount,   __NR_umount2,    __NR_pivot_root, __NR_chroot, __NR_setns, __NR_unshare,     __NR_sethostname,
    __NR_setdomainname, NR_OPEN_TREE, NR_MOVE_MOUNT, NR_FSOPEN,  NR_FSCONFIG, NR_FSMOUNT,      NR_FSPICK,
    NR_MOUNT_SETATTR,
};

/// Answered 0 without being done: one user is all that there is.
static const uint32_t owner_calls[] = {
    __NR_fchown,    __NR_fchownat,  __NR_setuid,    __NR_setgid,  __NR_setreuid,  __NR_setregid, __NR_setresuid,
    __NR_setresgid, __NR_setfsuid,  __NR_setfsgid,  __NR_setgroups, __NR_capset,
#if defined(__x86_64__)
    __NR_chown,     __NR_lchown,
#endif
};

#define COUNT(list) (sizeof(list) / sizeof(*list))

static const uint32_t devices[] = {S_IFCHR, S_IFBLK};

size_t las_filter_build(struct las_filter_instruction *program) {
    struct writer writer = {program, 0};
    begin(&writer, SECCOMP_RET_ALLOW);
    answer_calls(&writer, owner_calls, COUNT(owner_calls), error_answer(0));
#if defined(__x86_64__)
    answer_argument(&writer, __NR_mknod, 1, S_IFMT, devices, COUNT(devices), error_answer(0));
#endif
    answer_argument(&writer, __NR_mknodat, 2, S_IFMT, devices, COUNT(devices), error_answer(0));
    answer_calls(&writer, kernel_calls, COUNT(kernel_calls), error_answer(EPERM));
    answer(&writer, SECCOMP_RET_ALLOW);
    return writer.length;
}

/// Where the call's argument is none of the values.
static void answer_unless(struct writer *writer, uint32_t number, unsigned argument, const uint32_t *values, size_t count,
                          uint32_t value) {
    put(writer, BPF_JMP | BPF_JEQ | BPF_K, number, 0, (uint8_t)(3 + count));
    load_argument(writer, argument);
    for (size_t i = 0; i < count; i++)
        put(writer, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(count - i), 0);
    answer(writer, value);
    load_number(writer);
}

/// Calls that name files, and that PRoot 5.1 does not know: libc does without them.
static const uint32_t untraced_calls[] = {
    __NR_statx, __NR_renameat2, __NR_execveat, NR_OPENAT2, NR_FACCESSAT2, NR_FCHMODAT2,
};

static size_t filter_task(struct las_filter_instruction *program, int traced, int network) {
    static const uint32_t consoles[] = {TIOCSTI, 0x541C /* TIOCLINUX */};
    static const uint32_t families[] = {AF_VSOCK_NUMBER};
    struct writer writer = {program, 0};
    begin(&writer, error_answer(ENOSYS));
    put(&writer, BPF_JMP | BPF_JGT | BPF_K, NR_NEWEST_KNOWN, 0, 1);
    answer(&writer, error_answer(ENOSYS));
    if (traced) answer_calls(&writer, untraced_calls, COUNT(untraced_calls), error_answer(ENOSYS));
    static const uint32_t local[] = {AF_UNIX, AF_NETLINK};
    if (traced && !network) answer_unless(&writer, __NR_socket, 0, local, COUNT(local), error_answer(EACCES));
    // The flags of clone3 lie in memory, where a filter can't look: libc then falls back to clone.
    answer_call(&writer, NR_CLONE3, error_answer(ENOSYS));
    answer_bits(&writer, __NR_clone, 0, NAMESPACE_FLAGS, error_answer(EPERM));
    answer_argument(&writer, __NR_ioctl, 1, UINT32_MAX, consoles, COUNT(consoles), error_answer(EPERM));
    // Sockets to the hypervisor are not held by network namespaces.
    answer_argument(&writer, __NR_socket, 0, UINT32_MAX, families, COUNT(families), error_answer(EAFNOSUPPORT));
#if defined(__x86_64__)
    answer_argument(&writer, __NR_mknod, 1, S_IFMT, devices, COUNT(devices), error_answer(EPERM));
#endif
    answer_argument(&writer, __NR_mknodat, 2, S_IFMT, devices, COUNT(devices), error_answer(EPERM));
    answer_calls(&writer, mount_calls, COUNT(mount_calls), error_answer(EPERM));
    answer_calls(&writer, kernel_calls, COUNT(kernel_calls), error_answer(EPERM));
    answer(&writer, SECCOMP_RET_ALLOW);
    return writer.length;
}

size_t las_filter_task(struct las_filter_instruction *program) { return filter_task(program, 0, 1); }

size_t las_filter_traced(struct las_filter_instruction *program, int network) {
    return filter_task(program, 1, network);
}
