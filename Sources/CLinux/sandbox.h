#pragma once
// What sandbox.c gathers and launch.c carries out. Nothing here is touched by anything else while a launch is going on.

#include "clinux_sandbox.h"
#include <stddef.h>

struct step {
    enum las_step_kind kind;
    char *source;
    char *target;
    uint32_t mode;
    int read_only;
    int makes;
};

/// A folder or file that may be reached, in a sandbox without a root of its own.
struct reach {
    char *path;
    int writable;
};

struct limit {
    int resource;
    uint64_t value;
};

/// Ended by NULL; `count` without it.
struct texts {
    char **items;
    size_t count;
};

struct las_sandbox {
    uint32_t namespaces;
    char *root;
    int root_read_only;
    char *over;
    struct step *steps;
    size_t step_count;
    struct las_filter_instruction *filter;
    size_t filter_length;
    int *groups;
    size_t group_count;
    struct limit *limits;
    size_t limit_count;
    struct texts programs;
    struct texts arguments;
    struct texts variables;
    char *host_name;
    char *work_folder;
    int streams[3];
    int drops_capabilities;
    uint32_t umask;
    /// Reaping what the program leaves behind, without a pid namespace.
    int keeps;
    /// One program after another, see clinux_cell.h.
    int stays;
    /// What one leaves is looked for before the next.
    int looks;
    struct reach *reaches;
    size_t reach_count;
    int reaches_network;
    /// Of the caller, noted before clone.
    uint32_t outside_user;
    uint32_t outside_group;
};
