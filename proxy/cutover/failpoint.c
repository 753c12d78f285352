// Failpoints for crash tests. See failpoint.h.
#include "cutover/failpoint.h"

#ifdef SLUICE_FAILPOINTS

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cutover/journal_record.h"
#include "cutover/steps.h"

#define LOOK_MS 2 // how soon the test's word is seen

static const char *const places[] = {
#define X(name, text) [FAILPOINT_##name] = text,
    FAILPOINTS(X)
#undef X
};
#define PLACE_COUNT (sizeof places / sizeof *places)

// Set before the conductor's first thread starts; then that thread's.
static struct {
    bool armed;
    char step[JOURNAL_STEP_MAX + 1];
    enum failpoint_place place;
    char path[PATH_MAX]; // "": kill
} set;

static bool is_undo(enum failpoint_place place)
{
    return place >= FAILPOINT_BEFORE_UNDO;
}

static bool exists(const struct sequence_step *step, enum failpoint_place place)
{
    return !is_undo(place) || step->undo != NULL;
}

void failpoint_list(FILE *out)
{
    const struct sequence_step *steps;
    unsigned count;
    steps_all(&steps, &count);
    for (unsigned i = 0; i < count; i++)
        for (size_t p = 0; p < PLACE_COUNT; p++)
            if (exists(&steps[i], (enum failpoint_place)p))
                fprintf(out, "%s:%s\n", steps[i].name, places[p]);
}

static bool find(const char *name, size_t n)
{
    const struct sequence_step *steps;
    char full[sizeof set.step + 32];
    unsigned count;
    steps_all(&steps, &count);
    for (unsigned i = 0; i < count; i++) {
        for (size_t p = 0; p < PLACE_COUNT; p++) {
            (void)snprintf(full, sizeof full, "%s:%s", steps[i].name, places[p]);
            if (!exists(&steps[i], (enum failpoint_place)p) || strlen(full) != n ||
                strncmp(full, name, n) != 0)
                continue;
            text_copy(set.step, sizeof set.step, steps[i].name);
            set.place = (enum failpoint_place)p;
            return true;
        }
    }
    return false;
}

enum sl_code failpoint_set(const char *text, struct sl_error *err)
{
    static const char WAIT[] = "wait:";
    set.armed = false;
    set.path[0] = '\0';
    if (text == NULL || text[0] == '\0')
        return SL_OK;
    const char *action = strchr(text, '=');
    if (action == NULL || !find(text, (size_t)(action - text)))
        return sl_fail(err, SL_EINVAL,
                       "SLUICE_FAILPOINT: there is no \"%s\"; sluice --list-failpoints", text);
    action++;
    bool waits = strncmp(action, WAIT, sizeof WAIT - 1) == 0 && action[sizeof WAIT - 1] == '/';
    if (!waits && strcmp(action, "kill") != 0)
        return sl_fail(err, SL_EINVAL, "SLUICE_FAILPOINT: \"%s\" is neither kill nor wait:/PATH",
                       action);
    if (waits && !text_copy(set.path, sizeof set.path, action + sizeof WAIT - 1))
        return sl_fail(err, SL_EINVAL, "SLUICE_FAILPOINT: the path is too long");
    set.armed = true;
    return SL_OK;
}

static void wait_for_word(void)
{
    char reached[PATH_MAX + 16], go[PATH_MAX + 16];
    (void)snprintf(reached, sizeof reached, "%s.reached", set.path);
    (void)snprintf(go, sizeof go, "%s.go", set.path);
    int fd = open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
    while (access(go, F_OK) != 0)
        (void)poll(NULL, 0, LOOK_MS);
}

void failpoint_reach(const char *step, enum failpoint_place place)
{
    if (!set.armed || set.place != place || strcmp(set.step, step) != 0)
        return;
    set.armed = false;
    if (set.path[0] == '\0')
        (void)kill(getpid(), SIGKILL);
    else
        wait_for_word();
}

#endif
