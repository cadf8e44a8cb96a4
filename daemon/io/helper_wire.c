/* SPDX-License-Identifier: Apache-2.0 */
#include "helper_wire.h"

#include <string.h>
#include <sys/socket.h>

#define MAGIC	 UINT32_C(0x72610169) /* changes with the structs */
#define BUFFER	 ((size_t)64 << 10)
#define ITEM_MIN (sizeof(struct ra_wire_item) + 1)

void
ra_wire_reader_clear(struct ra_wire_reader *r)
{
	free(r->buf);
	free(r->payload);
	*r = (struct ra_wire_reader){ 0 };
}

struct ra_wire_head
ra_wire_head(enum ra_wire_type type, uint64_t id, size_t len)
{
	return (struct ra_wire_head){ .magic = MAGIC, .type = type, .id = id, .len = len };
}

/* 1: something came. */
static int
receive(struct ra_wire_reader *r, int fd, char *to, size_t room, size_t *got)
{
	ssize_t n;

	if (r->receives-- <= 0)
		return 0;
	do
		n = recv(fd, to, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	*got += (size_t)n;
	return 1;
}

static int
refill(struct ra_wire_reader *r, int fd)
{
	if (r->buf == NULL)
		r->buf = malloc(BUFFER);
	if (r->buf == NULL)
		return -ENOMEM;
	if (r->at > 0)
		memmove(r->buf, r->buf + r->at, r->len - r->at);
	r->len -= r->at;
	r->at = 0;
	return receive(r, fd, r->buf + r->len, BUFFER - r->len, &r->len);
}

static int
begin_frame(struct ra_wire_reader *r)
{
	memcpy(&r->head, r->buf + r->at, sizeof(r->head));
	if (r->head.magic != MAGIC || r->head.len > RA_WIRE_FRAME_MAX)
		return -EPROTO;
	r->payload = malloc(r->head.len + 1);
	if (r->payload == NULL)
		return -ENOMEM;
	r->at += sizeof(r->head);
	r->got = 0;
	return 1;
}

/* From the buffer first, then, if much is left, past it. */
static int
fill_frame(struct ra_wire_reader *r, int fd)
{
	size_t want = r->head.len - r->got, have = r->len - r->at;

	have = have < want ? have : want;
	if (have > 0)
		memcpy(r->payload + r->got, r->buf + r->at, have);
	r->got += have;
	r->at += have;
	want -= have;
	if (want == 0)
		return 1;
	return want < BUFFER ? refill(r, fd) : receive(r, fd, r->payload + r->got, want, &r->got);
}

int
ra_wire_next(struct ra_wire_reader *r, int fd, struct ra_wire_head *ret, char **ret_payload)
{
	int e = 1;

	while (e > 0) {
		if (r->payload == NULL) {
			e = r->len - r->at < sizeof(r->head) ? refill(r, fd) : begin_frame(r);
			continue;
		}
		e = fill_frame(r, fd);
		if (e > 0 && r->got == r->head.len) {
			r->payload[r->got] = '\0';
			*ret = r->head;
			*ret_payload = RA_TAKE(r->payload);
			return 1;
		}
	}
	return e;
}

int
ra_wire_send(int fd, struct iovec *parts, size_t count)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };

	for (;;) {
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
		size_t sent = n > 0 ? (size_t)n : 0;

		if (n < 0 && errno != EINTR)
			return -errno;
		while (message.msg_iovlen > 0 && sent >= message.msg_iov->iov_len) {
			sent -= message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen == 0)
			return 0;
		message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + sent;
		message.msg_iov->iov_len -= sent;
	}
}

int
ra_wire_request(const struct ra_wire_head *head, const char *payload, struct ra_file_request *ret)
{
	struct ra_wire_file file;

	if (head->len < sizeof(file) + 2)
		return -EPROTO;
	memcpy(&file, payload, sizeof(file));
	*ret = (struct ra_file_request){ .want = (enum ra_file_want)file.want,
		.path = payload + sizeof(file),
		.glob = file.glob != 0,
		.follow = file.follow != 0,
		.max_bytes = file.max_bytes,
		.stamp = file.stamp != 0,
		.known = file.known,
		.max_entries = file.max_entries,
		.max_items = file.max_items,
		.deadline = file.deadline };
	return ret->path[0] == '/' && file.want <= RA_FILE_TAIL ? 0 : -EPROTO;
}

/* The items between at and end. */
static int
take_items(char *at, const char *end, struct ra_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ra_wire_item item;

		if ((size_t)(end - at) < ITEM_MIN)
			return -EPROTO;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		if (item.name_len >= (size_t)(end - at) || at[item.name_len] != '\0')
			return -EPROTO;
		items[i] = (struct ra_item){ .name = at, .time = item.time, .size = item.size };
		at += item.name_len + 1;
	}
	return at == end ? 0 : -EPROTO;
}

int
ra_wire_take(const struct ra_wire_head *head, char *payload, struct ra_wire_answer *ret_wire,
    struct ra_file_answer *ret, struct ra_item **ret_items)
{
	RA_FREE struct ra_item *items = NULL;
	struct ra_wire_answer a;
	size_t left = head->len;
	int r;

	if (left < sizeof(a) + 2)
		return -EPROTO;
	left -= sizeof(a);
	memcpy(&a, payload + left, sizeof(a));
	if (a.reason >= RA_REASON_COUNT || a.len > left - 2 || a.error_len > left - 2 - a.len ||
	    payload[a.len] != '\0' || payload[a.len + 1 + a.error_len] != '\0')
		return -EPROTO;
	if (a.item_count > (left - 2 - a.len - a.error_len) / ITEM_MIN)
		return -EPROTO;
	items = calloc(a.item_count + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	r = take_items(payload + a.len + a.error_len + 2, payload + left, items, a.item_count);
	if (r < 0)
		return r;
	*ret = (struct ra_file_answer){ .reason = (enum ra_reason)a.reason,
		.error = payload + a.len + 1,
		.items = items,
		.item_count = a.item_count,
		.matched = a.matched,
		.others = a.others,
		.bytes = payload,
		.len = a.len,
		.cut = a.cut != 0,
		.inode = a.inode,
		.unchanged = a.unchanged != 0,
		.stamp = a.stamp };
	*ret_wire = a;
	*ret_items = RA_TAKE(items);
	return 0;
}
