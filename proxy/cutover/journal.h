// The cutover's journal: state_dir/journal-N.jsonl, one file a cutover, one record a line, only
// appended to. What a crash leaves is enough to finish or undo.
//
// A record is on disk when journal_write returns: one write, one fdatasync. So of a file only the last
// line can be torn, and only before journal_write returned. A reader leaves out a last line that has no
// line break, and a writer that resumes cuts it off; a whole record of which just the line break is
// missing counts. Everything else that is not as written is damage: SL_EPROTO with the file and the
// line, and nothing is guessed.
#ifndef SLUICE_CUTOVER_JOURNAL_H
#define SLUICE_CUTOVER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "cutover/journal_record.h"

#define JOURNAL_MAX ((size_t)4 << 20)       // of a file; notes are refused in its second half
#define JOURNAL_RESERVE ((size_t)256 << 10) // disk space taken at the start, so that it lasts

// --- reading ------------------------------------------------------------------------------------

struct journal_records {
    struct journal_record *list; // owned
    unsigned count;              // 0: the cutover never came to act
    size_t good;                 // bytes of the file that are whole records
    bool torn;                   // there is more behind them, to be cut off
    bool unended;                // the last whole one lacks its line break
};

// The content of a file. Sequence numbers go up by one from 1, begin is the first record and only
// that, nothing comes behind end. `name` is for the error. After an error there is nothing to release.
SL_CHECKED enum sl_code journal_records_parse(const char *name, const void *text, size_t n,
                                              struct journal_records *out, struct sl_error *err);
void journal_records_release(struct journal_records *r);

// SL_ENOTFOUND, SL_EIO, SL_ETOOBIG, or as above. Also while somebody writes.
SL_CHECKED enum sl_code journal_read(const char *state_dir, unsigned number,
                                     struct journal_records *out, struct sl_error *err);
// The highest number in the folder, 0 when there is none. SL_EIO.
SL_CHECKED enum sl_code journal_latest(const char *state_dir, unsigned *number,
                                       struct sl_error *err);

// Renames a damaged one to journal-N.jsonl.damaged, so that it is not the latest any more. SL_EIO.
SL_CHECKED enum sl_code journal_put_aside(const char *state_dir, unsigned number,
                                          struct sl_error *err);

// --- writing ------------------------------------------------------------------------------------

struct journal;

// A new file with the next number; synced with its folder. SL_EIO (also: no space for the reserve).
SL_CHECKED enum sl_code journal_create(const char *state_dir, struct journal **out,
                                       struct sl_error *err);
// Goes on with a file, behind its last whole record. `records` is filled in on success. SL_ECONFLICT:
// another process writes it, or it has ended.
SL_CHECKED enum sl_code journal_resume(const char *state_dir, unsigned number, struct journal **out,
                                       struct journal_records *records, struct sl_error *err);
unsigned journal_number(const struct journal *j);

// Returns when the record is on disk. `step` as its kind wants (NULL: none), `data` a JSON object
// or NULL. SL_EINVAL; SL_ETOOBIG; SL_EIO: it is not on disk, and the file is as it was before, so that
// later records can be tried; or that is not sure, and every later one is SL_ECONFLICT.
SL_CHECKED enum sl_code journal_write(struct journal *j, enum journal_kind kind, const char *step,
                                      const char *data, struct sl_error *err);
void journal_close(struct journal *j); // NULL is fine

#endif
