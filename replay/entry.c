#include "replay/entry.h"

#include "ranker/hash.h"
#include "ranker/wire.h"

enum status entry_event(const Reelrank__V1__LogEntry *entry, struct event *out,
                        struct problem *problem)
{
    switch (entry->entry_case) {
    case REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO:
        out->kind = EVENT_VIDEO;
        return wire_video(entry->video, &out->u.video, problem);
    case REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL:
        out->kind = EVENT_SIGNAL;
        return wire_signal(entry->signal, 0, &out->u.signal, problem);
    case REELRANK__V1__LOG_ENTRY__ENTRY_DELETE_VIDEO:
        out->kind = EVENT_VIDEO_DELETED;
        out->u.deleted_video_key = hash_key(text_of(entry->delete_video->video_id));
        return wire_id("delete_video.video_id", 0, entry->delete_video->video_id, problem);
    default:
        problem_set(problem, "the line has no \"video\", \"signal\" or \"delete_video\"");
        return STATUS_INVALID;
    }
}

size_t entry_event_size(const struct event *event)
{
    return event->kind == EVENT_SIGNAL ? offsetof(struct event, u) + sizeof(event->u.signal)
                                       : sizeof(*event);
}
