#include "store/lmdb.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum status lmdb_status(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return STATUS_OK;
    case MDB_NOTFOUND:
        return STATUS_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STATUS_NO_SPACE;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case MDB_READERS_FULL:
        return STATUS_BUSY;
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_PAGE_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return STATUS_CORRUPT;
    default:
        return STATUS_IO;
    }
}

int lmdb_mend_length(MDB_env *env, bool may_grow)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    int fd = -1;
    mdb_env_info(env, &info);
    mdb_env_stat(env, &stat);
    mdb_env_get_fd(env, &fd);
    if (fstat(fd, &file) != 0) {
        return errno;
    }
    off_t length = (off_t)(info.me_last_pgno + 1) * (off_t)stat.ms_psize;
    if (file.st_size >= length) {
        return 0;
    }
    if (!may_grow) {
        return MDB_CORRUPTED;
    }
    return ftruncate(fd, length) == 0 ? 0 : errno;
}
