// What the looking steps have learned, as JSON in the journal, so that a recovery need not learn it
// anew from servers that have changed meanwhile.
//
//   before invite   {"both_ways":false,"by_gtid":true,"events":[{"schema":"app","name":"nightly"}],
//                    "saved":{...}}                      saved: a fence (fence_file.h)
//   before promote  {"file":"binlog.000002","offset":1234}
#ifndef SLUICE_CUTOVER_LEARNED_H
#define SLUICE_CUTOVER_LEARNED_H

#include "cutover/run.h"

void learned_to_json(const struct run *r, struct buf *out);
// SL_EPROTO: not one of these.
SL_CHECKED enum sl_code learned_from_json(const char *json, struct run *r, struct sl_error *err);

void place_to_json(const struct binlog_place *place, struct buf *out);
SL_CHECKED enum sl_code place_from_json(const char *json, struct binlog_place *place,
                                        struct sl_error *err);

#endif
