#ifndef SERVER_LOGLINE_H
#define SERVER_LOGLINE_H

/*
 * The log: one line on stderr for each event, as key=value, such as
 * time=2026-01-31T12:00:00.000Z level=info event=start version=1. Holds no user data. Lines beyond
 * 2 KiB are cut. Any thread.
 */
enum log_level { LOG_INFO, LOG_WARN, LOG_ERROR };

/* format gives further key=value pairs; texts that may hold spaces stand in double quotes. */
__attribute__((format(printf, 3, 4))) void logline(enum log_level level, const char *event,
                                                   const char *format, ...);

#endif
