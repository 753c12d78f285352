// Prometheus metrics: one row a metric.
#ifndef SLUICE_ADMIN_METRICS_H
#define SLUICE_ADMIN_METRICS_H

#include <stddef.h>

#include "admin/context.h"
#include "base/bytes.h"
#include "session/traffic.h"

// Everything that getters look at, read once for a scrape.
struct metrics_source {
    const struct admin_context *context;
    struct traffic_stats stats;
    const struct routes *routes;
    const struct gate *gate;
    int64_t now_ns;
};

struct metric {
    const char *name; // without the "sluice_" in front
    const char *type; // "counter" or "gauge"
    const char *help;
    const char *label; // NULL: one value
    // The `i`-th value, and that of its label; false: there are no more. A value that is not known
    // is NaN and left out.
    bool (*get)(const struct metrics_source *s, unsigned i, const char **label, double *value);
};

const struct metric *metrics_table(unsigned *count);

// The text of a scrape (format version 0.0.4).
void metrics_print(const struct metrics_source *s, struct buf *out);

#endif
