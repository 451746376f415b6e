#include <string.h>

#include "ranker/user_internal.h"

/* Follows or hides of one user. */
struct creators {
    struct user *user;
    uint64_t **keys;
    uint32_t **times_s;
    uint16_t *count;
    uint16_t *capacity;
    uint16_t most;
};

static struct creators follows_of(struct user *user)
{
    return (struct creators){user,
                             &user->follows,
                             &user->follow_times_s,
                             &user->follow_count,
                             &user->follow_capacity,
                             USER_FOLLOWS_MAX};
}

static struct creators hides_of(struct user *user)
{
    return (struct creators){
        user,          &user->hides, &user->hide_times_s, &user->hide_count, &user->hide_capacity,
        USER_HIDES_MAX};
}

/* Index of the first key not below the one asked for. */
static unsigned lower_bound(const uint64_t *keys, unsigned count, uint64_t key)
{
    unsigned low = 0;
    while (low < count) {
        unsigned middle = (low + count) / 2;
        if (keys[middle] < key) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

static bool contains(const uint64_t *keys, unsigned count, uint64_t key)
{
    unsigned at = lower_bound(keys, count, key);
    return at < count && keys[at] == key;
}

static void remove_creator(struct creators creators, unsigned at)
{
    size_t behind = (size_t)(*creators.count - at - 1);
    uint64_t *key = *creators.keys + at;
    uint32_t *time_s = *creators.times_s + at;
    memmove(key, key + 1, behind * sizeof(*key));
    memmove(time_s, time_s + 1, behind * sizeof(*time_s));
    --*creators.count;
}

static void remove_oldest_creator(struct creators creators)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < *creators.count; i++) {
        if ((*creators.times_s)[i] < (*creators.times_s)[oldest]) {
            oldest = i;
        }
    }
    remove_creator(creators, oldest);
}

/* Both arrays grow, or capacity stays. */
static enum status reserve_creator(struct creators creators)
{
    uint16_t capacity = *creators.capacity;
    void *keys = *creators.keys;
    enum status status = user_reserve(creators.user, &keys, sizeof(uint64_t), *creators.count,
                                      &capacity, creators.most);
    *creators.keys = keys;
    if (status != STATUS_OK) {
        return status;
    }
    capacity = *creators.capacity;
    void *times_s = *creators.times_s;
    status = user_reserve(creators.user, &times_s, sizeof(uint32_t), *creators.count, &capacity,
                          creators.most);
    *creators.times_s = times_s;
    *creators.capacity = capacity;
    return status;
}

/* *changed tells whether the creator was not there before. */
static enum status add_creator(struct creators creators, uint64_t key, uint32_t time_s,
                               bool *changed)
{
    *changed = false;
    if (contains(*creators.keys, *creators.count, key)) {
        return STATUS_OK;
    }
    if (*creators.count == creators.most) {
        remove_oldest_creator(creators);
    }
    enum status status = reserve_creator(creators);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned at = lower_bound(*creators.keys, *creators.count, key);
    size_t behind = (size_t)(*creators.count - at);
    uint64_t *key_at = *creators.keys + at;
    uint32_t *time_at = *creators.times_s + at;
    memmove(key_at + 1, key_at, behind * sizeof(*key_at));
    memmove(time_at + 1, time_at, behind * sizeof(*time_at));
    *key_at = key;
    *time_at = time_s;
    ++*creators.count;
    *changed = true;
    return STATUS_OK;
}

/* Whether the creator was there. */
static bool drop_creator(struct creators creators, uint64_t key)
{
    if (!contains(*creators.keys, *creators.count, key)) {
        return false;
    }
    remove_creator(creators, lower_bound(*creators.keys, *creators.count, key));
    return true;
}

enum status user_apply_creator(struct user *user, const struct signal *signal, uint64_t creator_key,
                               struct gain *gain)
{
    if (creator_key == 0) {
        return STATUS_OK;
    }
    if (signal->type == SIGNAL_UNFOLLOW_CREATOR) {
        gain->creator = drop_creator(follows_of(user), creator_key) ? -4 : 0;
        return STATUS_OK;
    }
    bool follow = signal->type == SIGNAL_FOLLOW_CREATOR;
    struct creators creators = follow ? follows_of(user) : hides_of(user);
    bool changed;
    enum status status =
        add_creator(creators, creator_key, user_seconds(signal->time_ms), &changed);
    if (status == STATUS_OK && changed) {
        gain->creator = follow ? 4 : -8;
    }
    return status;
}

bool user_follows(const struct user *user, uint64_t creator_key)
{
    return contains(user->follows, user->follow_count, creator_key);
}

bool user_hides(const struct user *user, uint64_t creator_key)
{
    return contains(user->hides, user->hide_count, creator_key);
}
