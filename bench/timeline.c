// An array of steps, one for each 10 ms, filled with relaxed atomics.
#include "bench/timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

void timeline_init(struct timeline *t, int64_t start_ns, int64_t span_ms)
{
    t->count = (size_t)(span_ms / TIMELINE_STEP_MS) + 1;
    t->steps = mem_array(t->count, sizeof *t->steps);
    t->start_ns = start_ns;
}

void timeline_release(struct timeline *t)
{
    mem_free(t->steps);
    t->steps = NULL;
    t->count = 0;
}

// Never outside the array: a timeline must not break the load that it watches.
static struct timeline_step *step_at(struct timeline *t, int64_t at_ns)
{
    int64_t since = at_ns - t->start_ns;
    size_t index = since < 0 ? 0 : (size_t)(since / (TIMELINE_STEP_MS * NS_PER_MS));
    return &t->steps[index < t->count ? index : t->count - 1];
}

void timeline_started(struct timeline *t, int64_t at_ns)
{
    atomic_fetch_add_explicit(&step_at(t, at_ns)->started, 1, memory_order_relaxed);
}

void timeline_completed(struct timeline *t, int64_t intended_ns, int64_t end_ns)
{
    atomic_fetch_add_explicit(&step_at(t, end_ns)->completed, 1, memory_order_relaxed);
    int64_t us = (end_ns - intended_ns) / 1000;
    uint32_t value = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    struct timeline_step *step = step_at(t, intended_ns);
    uint32_t seen = atomic_load_explicit(&step->max_us, memory_order_relaxed);
    while (value > seen && !atomic_compare_exchange_weak(&step->max_us, &seen, value))
        ;
}

void timeline_error(struct timeline *t, int64_t at_ns)
{
    atomic_fetch_add_explicit(&step_at(t, at_ns)->errors, 1, memory_order_relaxed);
}

// The array is as long as the load may last at most; the file need not be.
static size_t used_steps(const struct timeline *t)
{
    size_t used = t->count;
    while (used > 0) {
        const struct timeline_step *step = &t->steps[used - 1];
        if (step->started != 0 || step->completed != 0 || step->errors != 0)
            break;
        used--;
    }
    return used;
}

enum sl_code timeline_write(const struct timeline *t, const char *path, int64_t start_wall_us,
                            struct sl_error *err)
{
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot be written", path);
    fprintf(out, "# start_wall_us=%" PRId64 "\nt_ms,started,completed,errors,max_us\n",
            start_wall_us);
    size_t used = used_steps(t);
    for (size_t i = 0; i < used; i++) {
        const struct timeline_step *step = &t->steps[i];
        fprintf(out, "%zu,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "\n", i * TIMELINE_STEP_MS,
                step->started, step->completed, step->errors, step->max_us);
    }
    if (fclose(out) != 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot be written", path);
    return SL_OK;
}
