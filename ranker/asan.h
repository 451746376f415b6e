#ifndef RANKER_ASAN_H
#define RANKER_ASAN_H

/* ASAN_BUILD: 1 in a build with AddressSanitizer, by gcc or clang; else 0. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN_BUILD 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ASAN_BUILD 1
#endif

/* POISON(p, n) makes any use of these n bytes an error that is told, UNPOISON(p, n) ends that. */
#ifdef ASAN_BUILD
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define ASAN_BUILD     0
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#endif
