#pragma once
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// Inline functions and macros of jansson that Swift does not import.
static inline void las_json_decref(json_t *node) { json_decref(node); }
static inline void las_json_free(char *text) { free(text); }
static inline size_t las_strlen(const char *text) { return strlen(text); }
static inline const char *las_json_empty(void) { return ""; }
