// The daemon as the conductor sees it: cutover/plant.h, done by mail to the main loop.
#ifndef SLUICE_PLANT_H
#define SLUICE_PLANT_H

#include "cutover/plant.h"

struct admin_context;
struct plant;

// Borrowed, and used in the main loop only.
struct plant *plant_new(struct admin_context *context);
const struct cutover_plant *plant_ops(struct plant *p);
// When no call is under way any more.
void plant_free(struct plant *p);

#endif
