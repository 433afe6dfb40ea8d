#pragma once
// Seccomp filters as programs for the kernel (classic BPF), made without a library.

#include <stddef.h>
#include <stdint.h>

/// One instruction, as `struct sock_filter` has it.
struct las_filter_instruction {
    uint16_t code;
    uint8_t jump_true;
    uint8_t jump_false;
    uint32_t value;
};

#define LAS_FILTER_LARGEST 512

/// All write at most LAS_FILTER_LARGEST instructions and return how many.
size_t las_filter_build(struct las_filter_instruction *program);
size_t las_filter_task(struct las_filter_instruction *program);
/// The task's, for a program that PRoot traces: calls newer than PRoot are answered ENOSYS, and sockets to other machines are
/// refused unless `network`.
size_t las_filter_traced(struct las_filter_instruction *program, int network);
