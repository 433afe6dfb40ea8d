#pragma once
// The system calls that Swift's Glibc module lacks.
