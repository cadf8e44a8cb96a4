/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: allocations that fail when asked. The page $ALLOC_PAGE, a file that the test maps
 * too, says which: the one that comes after `skip` others (and `more` that follow). Spared are
 * libuv, which ends the process by its own decision, libcrypto, which does not outlive one while
 * it sets itself up, the C library, which the sanitizers call into, and the sanitizers. The helper,
 * started without any environment, is given what it takes to have this loaded too.
 */
#include <errno.h>
#include <fcntl.h>
#include <dlfcn.h>
#include <link.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct page {
	_Atomic int64_t armed;
	_Atomic int64_t own; /* only what the program itself asks for, not its libraries */
	_Atomic int64_t skip;
	_Atomic int64_t more;
	_Atomic int64_t count; /* allocations so far */
	_Atomic int64_t failed;
	_Atomic int64_t trace; /* say where one fails */
};

#define RANGES 64

struct range {
	uintptr_t begin, end;
};

static struct page *page;
static char preload[4096], page_at[4096], options[4096]; /* "NAME=VALUE" */
static struct range own[RANGES], spared[RANGES];
static size_t own_count, spared_count;

extern void __sanitizer_print_stack_trace(void) __attribute__((weak));

/* The sanitizer's, if it is there, else the C library's. */
#define REAL(name, type, params) \
	extern type __interceptor_##name params __attribute__((weak)); \
	extern type __libc_##name params; \
	static type real_##name params

REAL(malloc, void *, (size_t));
REAL(calloc, void *, (size_t, size_t));
REAL(realloc, void *, (void *, size_t));

static void *
real_malloc(size_t size)
{
	return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

static void *
real_calloc(size_t n, size_t size)
{
	return __interceptor_calloc != NULL ? __interceptor_calloc(n, size)
					    : __libc_calloc(n, size);
}

static void *
real_realloc(void *p, size_t size)
{
	return __interceptor_realloc != NULL ? __interceptor_realloc(p, size)
					     : __libc_realloc(p, size);
}

static bool
is_spared(const char *name)
{
	static const char *const names[] = { "/libuv.", "/libcrypto.", "/libc.", "/ld-linux",
		"/libasan.", "/libubsan.", "/libstdc++.", "/libgcc_s." };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(name, names[i]) != NULL)
			return true;
	return false;
}

static void
add(struct range *ranges, size_t *count, const struct dl_phdr_info *info)
{
	for (size_t i = 0; i < info->dlpi_phnum && *count < RANGES; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD)
			continue;
		ranges[*count].begin = info->dlpi_addr + p->p_vaddr;
		ranges[*count].end = ranges[*count].begin + p->p_memsz;
		(*count)++;
	}
}

/* The program comes first, and has no name. */
static int
on_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	if (own_count == 0)
		add(own, &own_count, info);
	else if (is_spared(info->dlpi_name))
		add(spared, &spared_count, info);
	return 0;
}

static bool
is_in(const struct range *ranges, size_t count, uintptr_t at)
{
	for (size_t i = 0; i < count; i++)
		if (at >= ranges[i].begin && at < ranges[i].end)
			return true;
	return false;
}

static void
keep(char *to, size_t size, const char *name)
{
	const char *value = getenv(name);

	snprintf(to, size, "%s=%s", name, value != NULL ? value : "");
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("ALLOC_PAGE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	keep(preload, sizeof(preload), "LD_PRELOAD");
	keep(page_at, sizeof(page_at), "ALLOC_PAGE");
	keep(options, sizeof(options), "ASAN_OPTIONS");
	unsetenv("LD_PRELOAD");
	dl_iterate_phdr(on_object, NULL);
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		page = p;
}

static bool
fails(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	int64_t n;

	if (page == NULL || atomic_load(&page->armed) == 0)
		return false;
	if (page->own != 0 ? !is_in(own, own_count, at) : is_in(spared, spared_count, at))
		return false;
	n = atomic_fetch_add(&page->count, 1);
	if (n < page->skip || n - page->skip > page->more)
		return false;
	if (page->trace != 0 && __sanitizer_print_stack_trace != NULL)
		__sanitizer_print_stack_trace();
	atomic_fetch_add(&page->failed, 1);
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : real_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : real_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : real_realloc(p, size);
}

/* The sanitizer's own would not come by here. */
char *
strdup(const char *text)
{
	size_t len = strlen(text) + 1;
	char *p = fails(__builtin_return_address(0)) ? NULL : real_malloc(len);

	return p != NULL ? memcpy(p, text, len) : NULL;
}

char *
strndup(const char *text, size_t max)
{
	size_t len = strnlen(text, max);
	char *p = fails(__builtin_return_address(0)) ? NULL : real_malloc(len + 1);

	if (p == NULL)
		return NULL;
	memcpy(p, text, len);
	p[len] = '\0';
	return p;
}

/* The keeper and the helper; what the helper runs is none of ours. */
int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	char *ours[] = { preload, page_at, options, NULL };
	int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
	    const posix_spawnattr_t *, char *const[], char *const[]);

	*(void **)&real = dlsym(RTLD_NEXT, "posix_spawn");
	return real(pid, path, actions, attr, argv,
	    page != NULL && strncmp(argv[0], "relaudit", 8) == 0 ? ours : envp);
}
