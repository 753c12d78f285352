// MariaDB and MySQL, told apart by the version that the server greets with.
#include "control/family.h"

#include <string.h>

#include "control/sql.h"

enum backend_family family_of(const struct sql *sql)
{
    return strcasestr(sql_version(sql), "mariadb") != NULL ? FAMILY_MARIADB : FAMILY_MYSQL;
}

bool family_fits(const struct family_range *range, const struct sql *sql)
{
    unsigned long version = sql_version_number(sql);
    return (range->family == FAMILY_UNKNOWN || range->family == family_of(sql)) &&
           version >= range->from && (range->below == 0 || version < range->below);
}
