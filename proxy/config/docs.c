// The reference page of all options, made from the table.
#include <string.h>

#include "config/value.h"

static const char *type_name(enum config_type type)
{
#define X(name, text) [CONFIG_TYPE_##name] = text,
    static const char *const names[] = {CONFIG_TYPES(X)};
#undef X
    return names[type];
}

// A pipe would end the cell.
static void put_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void put_default(FILE *out, const struct config_option *o)
{
    if (o->def == NULL)
        fputs("**required**", out);
    else if (o->def[0] == '\0')
        fputs("not set", out);
    else
        fprintf(out, "`%s`", o->def);
}

static void put_row(FILE *out, const struct config_option *o)
{
    struct buf expected = {0};
    config_value_expected(o, &expected);
    fprintf(out, "| `%s` | %s | ", o->path, type_name(o->type));
    put_cell(out, buf_text(&expected));
    fputs(" | ", out);
    put_default(out, o);
    fprintf(out, " | %s | ", config_effect_name(o->effect));
    put_cell(out, o->help);
    fputs(" |\n", out);
    buf_release(&expected);
}

void config_generate_docs(FILE *out)
{
    fputs("# Configuration options\n\n"
          "Generated from the option table in proxy/config/option.c; do not edit.\n"
          "`*` stands for a name that you choose, `[]` for each element of a list. A change takes\n"
          "effect at a reload (SIGHUP, `reload`), at a restart, or only at the first start.\n\n"
          "| key | type | values | default | effect | what |\n"
          "| --- | --- | --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < config_option_count; i++)
        put_row(out, &config_options[i]);
}
