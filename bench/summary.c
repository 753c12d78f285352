// What a load prints: a live line, a summary for people, a summary as JSON.
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "bench/json.h"
#include "bench/load.h"

#define ELAPSED_MAX 32

// One line, written over itself; the blanks at its end wipe what a longer one left.
void load_print_progress(struct load *load)
{
    char p99[ELAPSED_MAX];
    char longest[ELAPSED_MAX];
    double seconds = (double)(clock_now_ns() - load->start_ns) / 1e9;
    uint64_t done = atomic_load(&load->acknowledged);
    fprintf(stderr,
            "\r%6.1f s  %8" PRIu64 " done  %6.0f/s  p99 %s  longest %s  %" PRIu64 " errors   ",
            seconds, done, seconds > 0 ? (double)done / seconds : 0,
            text_format_elapsed_ns(histogram_quantile(&load->latency, 0.99), p99, sizeof p99),
            text_format_elapsed_ns(load->latency.max_ns, longest, sizeof longest),
            tally_total(&load->tally));
    fflush(stderr);
}

static void print_histogram(const char *name, const struct histogram *h)
{
    char p50[ELAPSED_MAX];
    char p99[ELAPSED_MAX];
    char max[ELAPSED_MAX];
    printf("%s: p50 %s, p99 %s, longest %s\n", name,
           text_format_elapsed_ns(histogram_quantile(h, 0.5), p50, sizeof p50),
           text_format_elapsed_ns(histogram_quantile(h, 0.99), p99, sizeof p99),
           text_format_elapsed_ns(h->max_ns, max, sizeof max));
}

void load_print_summary(struct load *load)
{
    printf("units of work: %" PRIu64 " acknowledged, %" PRIu64 " failed, %" PRIu64
           " of unknown outcome, %" PRIu64 " tries again\n",
           load->acknowledged, load->failed, load->unknown, load->retried);
    printf("connections: %" PRIu64 "; reports: %" PRIu64 " done, %" PRIu64 " broken\n",
           load->connects, load->reports_done, load->reports_broken);
    print_histogram("unit of work, since it was due", &load->latency);
    print_histogram("single answer, since it was asked", &load->answers);
    printf("longest wait for an answer: during %s, %.3f s after the start\n", load->longest.during,
           (double)(load->longest.at_ns - load->start_ns) / 1e9 * (load->longest.ns > 0));
    printf("errors: %" PRIu64 "\n", tally_total(&load->tally));
    tally_print(&load->tally, stdout);
}

static void json_histogram(FILE *out, const char *name, const struct histogram *h)
{
    fprintf(out, "\"%s\":{\"count\":%" PRIu64 ",\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f},",
            name, h->total, (double)histogram_quantile(h, 0.5) / 1e3,
            (double)histogram_quantile(h, 0.99) / 1e3, (double)h->max_ns / 1e3);
}

// Field names are what bench/demo reads; times are microseconds, offsets count from the start.
enum sl_code load_write_json(struct load *load, const char *path, struct sl_error *err)
{
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot be written", path);
    fprintf(out,
            "{\"start_wall_us\":%" PRId64 ",\"acknowledged\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"unknown\":%" PRIu64 ",\"retried\":%" PRIu64 ",\"connects\":%" PRIu64
            ",\"reports_done\":%" PRIu64 ",\"reports_broken\":%" PRIu64 ",",
            load->start_wall_us, load->acknowledged, load->failed, load->unknown, load->retried,
            load->connects, load->reports_done, load->reports_broken);
    json_histogram(out, "latency", &load->latency);
    json_histogram(out, "answers", &load->answers);
    fprintf(out,
            "\"longest\":{\"us\":%.1f,\"at_us\":%.1f,\"during\":", (double)load->longest.ns / 1e3,
            (double)(load->longest.at_ns - load->start_ns) / 1e3 * (load->longest.ns > 0));
    json_print_text(out, load->longest.during);
    fputs("},\"errors\":", out);
    tally_print_json(&load->tally, out);
    fputs("}\n", out);
    if (fclose(out) != 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot be written", path);
    return SL_OK;
}
