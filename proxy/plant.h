// The daemon as the conductor sees it: cutover/plant.h, done by mail to the main loop.
#ifndef SLUICE_PLANT_H
#define SLUICE_PLANT_H

#include "cutover/plant.h"
#include "net/loop.h"

struct traffic;
struct plant;

// `repoint` as in admin/context.h. All borrowed, and used in the main loop only.
struct plant *plant_new(struct loop *main_loop, struct traffic *traffic,
                        enum sl_code (*repoint)(void *arg, const char *backend, bool force,
                                                struct sl_error *err),
                        void *arg);
const struct cutover_plant *plant_ops(struct plant *p);
// When no call is under way any more.
void plant_free(struct plant *p);

#endif
