// What server threads hold, by their servers' own word: obstacles that texts made sluice believe in
// are ended where the server says that they are gone, and those that no text showed are found.
// Internal to session/.
//
//   main thread                              worker threads
//   confirm_run ── round ──────────────────> confirm_note: who is at rest, at which epoch
//      one question to each of their servers (struct holder, traffic.h)
//   its answer  ── round ──────────────────> believed where the epoch is the same; looked at again
//
// The note is older than the question: whoever has sent nothing between the two and since is what
// the answer says it is.
#ifndef SLUICE_SESSION_CONFIRM_H
#define SLUICE_SESSION_CONFIRM_H

#include <stdbool.h>

#include "session/traffic.h"

struct confirm;
struct session;
struct worker;

struct confirm *confirm_new(struct traffic *t); // with nobody to ask yet
void confirm_free(struct confirm *c);           // its loops have stopped
void confirm_set_holder(struct confirm *c, const struct holder *h);

// Main thread: asks about all sessions (`all`), or about those that have something to confirm; again
// every second while the gate is closed. When a run is under way, another follows it.
void confirm_run(struct confirm *c, bool all);

// The worker's thread. Notes the sessions that the next run asks about, earlier than its own round
// would; nothing while a question is out.
void confirm_note(struct worker *w, bool all);
// Some of its sessions are remembered as soon as the server says that they hold no user lock: a run
// about all follows within a second or so.
void confirm_soon(struct worker *w);
// What the session has is being asked, and nothing was sent since.
bool confirm_is_asked(const struct session *s);
// ... and the answer is worth a moment's wait before its locks are released.
bool confirm_delays(const struct session *s);
// All that keeps the session where it is may turn out to be gone.
bool confirm_may_free(const struct session *s);

#endif
