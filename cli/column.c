#include "cli/column.h"

#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_WITHOUT_TERMINAL = 100, WIDTH_LEAST = 40 };

int column_terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH_LEAST) {
        return WIDTH_WITHOUT_TERMINAL;
    }
    return size.ws_col;
}
