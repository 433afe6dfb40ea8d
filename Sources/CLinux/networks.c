#define _GNU_SOURCE
#include "clinux_sandbox.h"
#include "launch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A network namespace costs more than all other namespaces of a small task together. So a thread that starts one task after another
// keeps its own, as long as a task leaves nothing in it: tasks have no rights there, all their processes have ended, and no socket is
// left, not even one that waits for its port to be free again.

struct network {
    int around;
    int own;
    /// It is in its own, from which it can't come back.
    int stays;
    /// What the kernel says of a new one's sockets.
    char unused[512];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget(void *value) {
    struct network *network = value;
    if (network->around >= 0) close(network->around);
    if (network->own >= 0) close(network->own);
    free(network);
}

static void make_key(void) { pthread_key_create(&key, forget); }

/// The numbers that are of this namespace alone, of a text such as "TCP: inuse 0 orphan 0 tw 0 alloc 5 mem 1": `used`, `inuse` and `tw`.
static char *add_numbers(char *end, const char *limit, char *text) {
    char *rest, *word = strtok_r(text, " \n", &rest);
    while (word) {
        int counts = !strcmp(word, "used") || !strcmp(word, "inuse") || !strcmp(word, "tw");
        word = strtok_r(NULL, " \n", &rest);
        if (!counts || !word) continue;
        for (; *word && end + 2 < limit; word++) *end++ = *word;
        *end++ = ' ';
    }
    return end;
}

int las_same_sockets(const char *one, long one_length, const char *other, long other_length) {
    char numbers[2][512];
    const char *texts[] = {one, other};
    long lengths[] = {one_length, other_length};
    for (int i = 0; i < 2; i++) {
        char text[1024];
        long length = lengths[i] < 1023 ? lengths[i] : 1023;
        memcpy(text, texts[i], (size_t)length);
        text[length] = 0;
        *add_numbers(numbers[i], numbers[i] + 511, text) = 0;
    }
    return strcmp(numbers[0], numbers[1]) == 0;
}

static void read_sockets(char numbers[512]) {
    static const char *const files[] = {"/proc/thread-self/net/sockstat", "/proc/thread-self/net/sockstat6"};
    char *end = numbers;
    for (int i = 0; i < 2; i++) {
        int file = open(files[i], O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        char text[1024];
        ssize_t count = read(file, text, sizeof text - 1);
        close(file);
        text[count > 0 ? count : 0] = 0;
        end = add_numbers(end, numbers + 511, text);
    }
    *end = 0;
}

/// Makes the thread's own anew, and goes there.
static int make_own(struct network *network) {
    if (network->own >= 0) close(network->own);
    network->own = -1;
    if (unshare(CLONE_NEWNET)) return -1;
    if (network->around < 0) network->stays = 1;
    las_raise_loopback();
    network->own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    read_sockets(network->unused);
    if (network->own >= 0 && network->unused[0]) return 0;
    las_leave_network();
    return -1;
}

int las_enter_network(int may_stay) {
    pthread_once(&once, make_key);
    struct network *network = pthread_getspecific(key);
    if (!network) {
        network = calloc(1, sizeof *network);
        if (!network) return -1;
        network->own = -1;
        network->around = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        // Not everyone who may go away may come back.
        if (network->around >= 0 && setns(network->around, CLONE_NEWNET)) {
            close(network->around);
            network->around = -1;
        }
        if (pthread_setspecific(key, network)) {
            forget(network);
            return -1;
        }
    }
    if (network->around < 0 && !may_stay) return -1;
    if (network->own < 0) return make_own(network);
    if (!network->stays && setns(network->own, CLONE_NEWNET)) return -1;
    char now[512];
    read_sockets(now);
    return strcmp(now, network->unused) == 0 ? 0 : make_own(network);
}

void las_leave_network(void) {
    struct network *network = pthread_getspecific(key);
    if (network && network->around >= 0) setns(network->around, CLONE_NEWNET);
}
