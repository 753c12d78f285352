// A stored report for people.
#ifndef SLUICE_CUTOVER_REPORT_TEXT_H
#define SLUICE_CUTOVER_REPORT_TEXT_H

#include "base/error.h"

// `line` for each line, without its line break. SL_EPROTO: not a report.
SL_CHECKED enum sl_code report_text(const char *json, void (*line)(void *arg, const char *text),
                                    void *arg, struct sl_error *err);

#endif
