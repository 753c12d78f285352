// Reports on disk: state_dir/report-N.json, beside journal-N.jsonl; the newest are kept.
#ifndef SLUICE_CUTOVER_REPORT_FILE_H
#define SLUICE_CUTOVER_REPORT_FILE_H

#include "base/bytes.h"
#include "base/error.h"

#define REPORT_FILE_MAX ((size_t)4 << 20)
#define REPORTS_KEPT 100

// Whole or not at all, mode 0640, replaced when it is there. Removes the oldest beyond REPORTS_KEPT.
// SL_EIO.
SL_CHECKED enum sl_code report_store(const char *state_dir, unsigned number, const void *json,
                                     size_t n, struct sl_error *err);
// The report of that number, 0: the newest; *number is which. SL_ENOTFOUND: there is none; SL_EIO,
// SL_ETOOBIG.
SL_CHECKED enum sl_code report_load(const char *state_dir, unsigned *number, struct buf *json,
                                    struct sl_error *err);

#endif
