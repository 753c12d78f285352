// sluicectl without a command: a prompt by libedit, with history, and completion that the daemon
// answers; without a terminal, one command a line until one fails.
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/ctl.h"
#include "base/mem.h"

#define HISTORY_SIZE 1000

static char *prompt_text(EditLine *el)
{
    static char text[] = "sluice> ";
    (void)el;
    return text;
}

// --- completion ----------------------------------------------------------------------------------

// "help --complete -- <words> <the one that is being typed>"
static bool build_question(const char *text, size_t n, struct buf *question, const char **begun,
                           struct words *words)
{
    struct sl_error err;
    if (words_split(text, n, words, &err) != SL_OK)
        return false;
    bool fresh = n == 0 || text[n - 1] == ' ';
    *begun = fresh || words->count == 0 ? "" : words->at[words->count - 1];
    buf_str(question, "help --complete --");
    for (unsigned i = 0; i < words->count; i++) {
        buf_u8(question, ' ');
        words_quote(question, words->at[i]);
    }
    if (fresh)
        buf_str(question, " \"\"");
    return true;
}

// The longest beginning that all lines of `names` share.
static size_t common_length(const char *names, unsigned *count)
{
    size_t common = strcspn(names, "\n");
    *count = 0;
    for (const char *p = names; *p != '\0'; p += strcspn(p, "\n") + 1) {
        size_t i = 0;
        while (i < common && p[i] == names[i])
            i++;
        common = i;
        ++*count;
    }
    return common;
}

static void insert(EditLine *el, const char *text, size_t n, bool blank)
{
    char *word = mem_printf("%.*s%s", (int)n, text, blank ? " " : "");
    el_insertstr(el, word);
    mem_free(word);
}

// Adds what all candidates share; when nothing can be added, lists them.
static unsigned char offer_names(EditLine *el, const char *names, const char *begun)
{
    unsigned count;
    size_t common = common_length(names, &count), typed = strlen(begun);
    if (count == 0 || common < typed)
        return CC_ERROR;
    if (common > typed || count == 1) {
        insert(el, names + typed, common - typed, count == 1);
        return CC_REFRESH;
    }
    fputc('\n', stdout);
    for (const char *p = names; *p != '\0'; p += strcspn(p, "\n") + 1)
        printf("%.*s  ", (int)strcspn(p, "\n"), p);
    fputc('\n', stdout);
    return CC_REDISPLAY;
}

// Asks the daemon, on the same connection: only it knows backends, and its own version of the
// table.
static unsigned char on_tab(EditLine *el, int key)
{
    struct ctl *c = NULL;
    struct sl_error err;
    struct words words = {0};
    struct buf question = {0}, names = {0};
    const char *begun = "";
    const LineInfo *line = el_line(el);
    unsigned char result = CC_ERROR;
    (void)key;
    el_get(el, EL_CLIENTDATA, (void *)&c);
    if (build_question(line->buffer, (size_t)(line->cursor - line->buffer), &question, &begun,
                       &words) &&
        ctl_ask(c, buf_text(&question), &names, &err) == SL_OK)
        result = offer_names(el, buf_text(&names), begun);
    words_release(&words);
    buf_release(&question);
    buf_release(&names);
    return result;
}

// --- lines ---------------------------------------------------------------------------------------

// Without its end and the blanks around it; NULL when there is nothing in it.
static char *trim(char *line)
{
    line += strspn(line, " \t\r\n");
    size_t n = strlen(line);
    while (n > 0 && strchr(" \t\r\n", line[n - 1]) != NULL)
        n--;
    line[n] = '\0';
    return n > 0 ? line : NULL;
}

static bool is_exit(const char *line)
{
    return strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0;
}

static enum ctl_exit run_line(struct ctl *c, const char *line)
{
    char *request = mem_printf("%s%s", c->json ? "--json " : "", line);
    enum ctl_exit result = ctl_run(c, request);
    mem_free(request);
    return result;
}

// Stops at the first failure, like a shell with -e: the next line usually relies on it.
static enum ctl_exit run_script(struct ctl *c)
{
    char *memory = NULL;
    size_t size = 0;
    enum ctl_exit result = CTL_DONE;
    while (result == CTL_DONE && getline(&memory, &size, stdin) >= 0) {
        const char *line = trim(memory);
        if (line == NULL || *line == '#')
            continue;
        if (is_exit(line))
            break;
        result = run_line(c, line);
    }
    free(memory);
    return result;
}

// --- the prompt ----------------------------------------------------------------------------------

// "" when there is no home to keep it in.
static char *history_path(void)
{
    const char *home = getenv("HOME");
    return home != NULL && *home != '\0' ? mem_printf("%s/.sluicectl_history", home)
                                         : mem_strdup("");
}

// The user's own ~/.editrc comes last and wins.
static EditLine *open_editor(struct ctl *c, History *past)
{
    EditLine *el = el_init("sluicectl", stdin, stdout, stderr);
    if (el == NULL)
        return NULL;
    el_set(el, EL_PROMPT, prompt_text);
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_SIGNAL, 1);
    el_set(el, EL_HIST, history, past);
    el_set(el, EL_CLIENTDATA, c);
    el_set(el, EL_ADDFN, "sluice-complete", "Complete the word", on_tab);
    el_set(el, EL_BIND, "^I", "sluice-complete", NULL);
    el_set(el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(el, NULL);
    return el;
}

// The next line, NULL at the end of input; Ctrl-C gives up the line that is being typed.
static const char *next_typed(EditLine *el)
{
    int n;
    const char *typed;
    for (;;) {
        ctl_allow_interrupts(true);
        typed = el_gets(el, &n);
        ctl_allow_interrupts(false);
        if (typed != NULL && n > 0)
            return typed;
        if (!ctl_was_interrupted())
            return NULL;
        fputc('\n', stdout);
        el_reset(el);
    }
}

// False when it was the word to leave.
static bool run_typed(struct ctl *c, History *past, const char *typed)
{
    HistEvent event;
    char *copy = mem_strdup(typed);
    const char *line = trim(copy);
    bool leave = line != NULL && is_exit(line);
    if (line != NULL && !leave) {
        history(past, &event, H_ENTER, line);
        run_line(c, line);
    }
    mem_free(copy);
    return !leave;
}

static void read_commands(struct ctl *c, EditLine *el, History *past)
{
    const char *typed;
    while ((typed = next_typed(el)) != NULL)
        if (!run_typed(c, past, typed))
            return;
    fputc('\n', stdout); // the end of input leaves the prompt on the line
}

enum ctl_exit ctl_prompt(struct ctl *c)
{
    HistEvent event;
    if (!isatty(STDIN_FILENO))
        return run_script(c);
    char *path = history_path();
    History *past = history_init();
    EditLine *el = past != NULL ? open_editor(c, past) : NULL;
    if (el != NULL) {
        history(past, &event, H_SETSIZE, HISTORY_SIZE);
        history(past, &event, H_SETUNIQUE, 1);
        history(past, &event, H_LOAD, path);
        printf("Commands of sluice at %s; help lists them, Tab completes, exit leaves.\n", c->path);
        read_commands(c, el, past);
        history(past, &event, H_SAVE, path);
        el_end(el);
    }
    if (past != NULL)
        history_end(past);
    mem_free(path);
    return el != NULL ? CTL_DONE : run_script(c);
}
