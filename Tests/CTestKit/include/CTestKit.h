// What the test kit needs of glibc and Swift's Glibc module does not show (_GNU_SOURCE).

#ifndef HOTCOLD_CTESTKIT_H
#define HOTCOLD_CTESTKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// Starts a program with these standard streams and none of this process's other descriptors, with no signal blocked
/// or ignored. `folder` may be NULL. Returns 0 or an errno.
int ctk_spawn(char *const arguments[], char *const environment[], const char *folder, int input, int output,
              int error, pid_t *process);
/// While a thread writes a file, this process starts no child: it would have the file open for writing as well until it
/// executes its program, and a file that is being written is not moved. A thread must not start one in between.
void ctk_begin_writing(void);
void ctk_end_writing(void);
/// Waits for a child to end, and does not reap it. False if it still runs after this time.
bool ctk_ends_within(pid_t process, int milliseconds);
/// A file without a name, closed on exec.
int ctk_temporary_file(void);
int ctk_pipe(int ends[2]);
/// Binds a TCP socket to a port of 127.0.0.1 that nobody has, and does not listen: the kernel gives the port to no one
/// else while the descriptor is open, and a server that sets SO_REUSEADDR can bind to it (socket(7)). Returns the
/// descriptor, or -1 with errno.
int ctk_reserve_port(int *port);
/// Whether the kernel grants an io_uring that can rename and make folders. Asked by system calls, not by the program
/// under test: one that wrongly goes without must fail its tests, not skip them.
bool ctk_grants_io_uring(void);
ssize_t ctk_list_attributes(const char *path, char *list, size_t size);
ssize_t ctk_attribute(const char *path, const char *name, void *value, size_t size);

#endif
