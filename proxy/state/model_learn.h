// The answers' half of the session model. Private to model.c and model_learn.c.
#ifndef SLUICE_STATE_MODEL_LEARN_H
#define SLUICE_STATE_MODEL_LEARN_H

#include "state/model.h"
#include "wire/command.h"

// The obstacles that a text with these scan flags may raise.
uint32_t model_raised_by(uint32_t scan);
// The answer to `done` is complete, its outcome is the tracker's.
void model_learn(struct model *m, const struct tracked *done);

// The answer had no room for a report: an error, or the server does not track.
void model_report_none(struct model *m, const struct tracked *done, bool is_error);
// The answer to what ran under the client's own tracking.
void model_report_bare(struct model *m, const struct tracked *done);
// Prepares and executes (model_prepare.c). Bytes of the text of a COM_STMT_PREPARE, which the scan
// sees as well; its end; the end of its answer.
void model_prepare_begins(struct model *m, uint32_t length);
void model_prepare_text(struct model *m, const uint8_t *p, size_t n);
void model_prepare_sent(struct model *m);
void model_prepare_answered(struct model *m);
// The prepare-OK came, which the tracker's outcome describes.
void model_prepared(struct model *m, bool own);
// A packet of the answer of a prepare, behind the prepare-OK.
void model_defined(struct model *m, const uint8_t *head, size_t n);
// The answer to an execute is complete.
void model_executed(struct model *m, const struct tracked *done);
// An execute begins, of `s` (NULL: unknown, perhaps still being prepared): true when more of it has
// to be seen by model_execute_text than is in `head`.
bool model_execute_begins(struct model *m, struct statement *s, const uint8_t *head, size_t n,
                          uint32_t length);
// False when it needs no more. `last`: there are no more.
bool model_execute_text(struct model *m, const uint8_t *p, size_t n, bool last);
void model_prepare_release(struct model *m);

static inline bool model_is_statement(uint8_t command)
{
    return command == COM_QUERY || command == COM_STMT_EXECUTE || command == COM_STMT_BULK_EXECUTE;
}

#endif
