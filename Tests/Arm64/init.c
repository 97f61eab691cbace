// The first process of a machine that runs smoke in memory, says its exit status, and turns itself off.

#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  mkdir("/proc", 0755), mkdir("/memory", 0755);
  int status = -1;
  if (mount("proc", "/proc", "proc", 0, NULL) == 0 && mount("tmpfs", "/memory", "tmpfs", 0, NULL) == 0) {
    if (fork() == 0) _exit(execl("/smoke", "smoke", "/memory", "rings", (char *)NULL) != 0);
    wait(&status);
  }
  printf("exit status %d\n", status);
  fflush(stdout);
  reboot(RB_POWER_OFF);
}
