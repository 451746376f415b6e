#ifndef STORE_FAULT_H
#define STORE_FAULT_H

/*
 * A file is made when this process ends by a fault (SIGSEGV, SIGBUS, SIGABRT, SIGFPE) while this
 * thread works on what path stands for, so that the next process knows. LMDB trusts its pages:
 * damaged ones may end a process.
 */

/* path is borrowed until fault_unwatch(). One at a time in each thread. */
void fault_watch(const char *path);
void fault_unwatch(void);

#endif
