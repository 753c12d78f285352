// What MongoDB's error codes mean for whoever gave the command: one table. Pure.
#ifndef SLUICE_CONTROL_MONGO_ERRORS_H
#define SLUICE_CONTROL_MONGO_ERRORS_H

// X(name, what it asks for)
#define MONGO_ANSWERS(X)                                                                           \
    X(FINE, "nothing: it was done")                                                                \
    X(MOVED, "another member is, or will be, the primary: look again; no failure of a step-down")  \
    X(BUSY, "a configuration change is under way: try again a little later")                       \
    X(LATE, "it did not come about in the time it was given")                                      \
    X(LOST, "the connection ended or nobody answered: it may have been done")                      \
    X(LACKS, "the account may not do it, or is not known")                                         \
    X(APART, "this server is not, or not any more, a member of a set")                             \
    X(REFUSED, "the server will not do it, now or ever: say so")

enum mongo_answer {
#define X(name, text) MONGO_##name,
    MONGO_ANSWERS(X)
#undef X
};

const char *mongo_answer_name(enum mongo_answer a); // "moved"
// A server's code, not 0.
enum mongo_answer mongo_answer_of(int code);
// "PrimarySteppedDown"; "" for a code that is not in the table.
const char *mongo_code_name(int code);

#endif
