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

/// Both write at most LAS_FILTER_LARGEST instructions and return how many.
size_t las_filter_build(struct las_filter_instruction *program);
size_t las_filter_task(struct las_filter_instruction *program);
