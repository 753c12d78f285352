// What tests of the control plane share: a loop with a deadline, targets, a fake server.
#ifndef SLUICE_TESTS_CONTROL_HELP_H
#define SLUICE_TESTS_CONTROL_HELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/target.h"
#include "net/loop.h"

#define DEADLINE_NS (20 * INT64_C(1000000000))

// A loop that is run in the calling thread, by help_run.
struct loop *help_loop(void);
// Runs the loop until somebody calls help_stop; fails, naming `what`, after the deadline.
void help_run(struct loop *l, const char *what);
void help_stop(struct loop *l);

struct control_target help_target(const char *name, uint16_t port);
// A port of 127.0.0.1 where nobody listens; it stays bound until the process ends.
uint16_t help_dead_port(void);
// A port where connections are accepted by the kernel and never answered.
uint16_t help_silent_port(void);

// A server without TLS that asks for caching_sha2_password in full, whatever it is told, and then
// hangs up. One thread; every byte it is sent is kept.
struct fake;
struct fake *fake_start(void);
uint16_t fake_port(const struct fake *f);
// Ends it; whether `secret` was among the bytes; `logins` gets the number of login packets.
bool fake_stop(struct fake *f, const char *secret, unsigned *logins);

#endif
