#pragma once
// System calls for a process that shares its caller's memory while both run.

#if defined(__x86_64__)
/// The kernel's own answer, negative for an error: errno is the caller's, who goes on meanwhile.
static inline long las_ask(long number, long one, long two, long three, long four, long five) {
    long answer;
    register long fourth __asm__("r10") = four;
    register long fifth __asm__("r8") = five;
    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "a"(number), "D"(one), "S"(two), "d"(three), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return answer;
}
#endif
