#define _GNU_SOURCE
#include "sandbox.h"

#include <stdlib.h>
#include <string.h>

struct las_sandbox *las_sandbox_new(uint32_t namespaces) {
    struct las_sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (!sandbox) return NULL;
    sandbox->namespaces = namespaces;
    las_sandbox_streams(sandbox, -1, -1, -1);
    return sandbox;
}

static void texts_free(struct texts *texts) {
    for (size_t i = 0; i < texts->count; i++) free(texts->items[i]);
    free(texts->items);
}

void las_sandbox_free(struct las_sandbox *sandbox) {
    if (!sandbox) return;
    for (size_t i = 0; i < sandbox->step_count; i++) {
        free(sandbox->steps[i].source);
        free(sandbox->steps[i].target);
    }
    free(sandbox->steps);
    free(sandbox->filter);
    free(sandbox->groups);
    free(sandbox->limits);
    for (size_t i = 0; i < sandbox->reach_count; i++) free(sandbox->reaches[i].path);
    free(sandbox->reaches);
    texts_free(&sandbox->programs);
    texts_free(&sandbox->arguments);
    texts_free(&sandbox->variables);
    free(sandbox->root);
    free(sandbox->over);
    free(sandbox->host_name);
    free(sandbox->work_folder);
    free(sandbox);
}

static int set(char **place, const char *text) {
    char *copy = strdup(text);
    if (!copy) return -1;
    free(*place);
    *place = copy;
    return 0;
}

/// One more item at the end of an array.
static int grow(void **items, size_t count, size_t size) {
    void *larger = realloc(*items, (count + 1) * size);
    if (!larger) return -1;
    *items = larger;
    return 0;
}

static int texts_add(struct texts *texts, const char *text) {
    if (grow((void **)&texts->items, texts->count + 1, sizeof(char *))) return -1;
    texts->items[texts->count] = strdup(text);
    if (!texts->items[texts->count]) return -1;
    texts->items[++texts->count] = NULL;
    return 0;
}

int las_sandbox_root(struct las_sandbox *sandbox, const char *root, int read_only) {
    sandbox->root_read_only = read_only;
    return set(&sandbox->root, root);
}

int las_sandbox_over(struct las_sandbox *sandbox, const char *folder) { return set(&sandbox->over, folder); }

int las_sandbox_step(struct las_sandbox *sandbox, enum las_step_kind kind, const char *source, const char *target,
                     uint32_t mode, int read_only, int makes) {
    if (grow((void **)&sandbox->steps, sandbox->step_count, sizeof(struct step))) return -1;
    struct step *step = &sandbox->steps[sandbox->step_count++];
    *step = (struct step){.kind = kind, .mode = mode, .read_only = read_only, .makes = makes};
    if (source && set(&step->source, source)) return -1;
    return set(&step->target, target);
}

int las_sandbox_filter(struct las_sandbox *sandbox, const struct las_filter_instruction *program, size_t length) {
    struct las_filter_instruction *copy = malloc(length * sizeof *program);
    if (!copy) return -1;
    memcpy(copy, program, length * sizeof *program);
    free(sandbox->filter);
    sandbox->filter = copy;
    sandbox->filter_length = length;
    return 0;
}

int las_sandbox_group(struct las_sandbox *sandbox, int folder) {
    if (grow((void **)&sandbox->groups, sandbox->group_count, sizeof(int))) return -1;
    sandbox->groups[sandbox->group_count++] = folder;
    return 0;
}

int las_sandbox_limit(struct las_sandbox *sandbox, int resource, uint64_t value) {
    if (grow((void **)&sandbox->limits, sandbox->limit_count, sizeof(struct limit))) return -1;
    sandbox->limits[sandbox->limit_count++] = (struct limit){resource, value};
    return 0;
}

int las_sandbox_reach(struct las_sandbox *sandbox, const char *path, int writable) {
    if (grow((void **)&sandbox->reaches, sandbox->reach_count, sizeof(struct reach))) return -1;
    struct reach *reach = &sandbox->reaches[sandbox->reach_count++];
    *reach = (struct reach){NULL, writable};
    return set(&reach->path, path);
}

void las_sandbox_keeper(struct las_sandbox *sandbox, int reaches_network) {
    sandbox->keeps = 1;
    sandbox->reaches_network = reaches_network;
}

int las_sandbox_program(struct las_sandbox *sandbox, const char *path) { return texts_add(&sandbox->programs, path); }

int las_sandbox_argument(struct las_sandbox *sandbox, const char *text) { return texts_add(&sandbox->arguments, text); }

int las_sandbox_variable(struct las_sandbox *sandbox, const char *assignment) {
    return texts_add(&sandbox->variables, assignment);
}

int las_sandbox_host_name(struct las_sandbox *sandbox, const char *name) { return set(&sandbox->host_name, name); }

int las_sandbox_work_folder(struct las_sandbox *sandbox, const char *path) { return set(&sandbox->work_folder, path); }

void las_sandbox_streams(struct las_sandbox *sandbox, int input, int output, int error) {
    sandbox->streams[0] = input;
    sandbox->streams[1] = output;
    sandbox->streams[2] = error;
}

void las_sandbox_modes(struct las_sandbox *sandbox, int drops_capabilities, uint32_t umask) {
    sandbox->drops_capabilities = drops_capabilities;
    sandbox->umask = umask;
}
