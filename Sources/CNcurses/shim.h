#ifndef ACKSCOPE_CNCURSES_H
#define ACKSCOPE_CNCURSES_H

// Wide characters are declared only where they are asked for.
#ifndef NCURSES_WIDECHAR
#define NCURSES_WIDECHAR 1
#endif
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

// Macros of curses.h and sys/ioctl.h that the Swift importer cannot see.

static inline int ackscope_terminal_size(int descriptor, int *rows, int *columns) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return -1;
  *rows = size.ws_row;
  *columns = size.ws_col;
  return 0;
}

// Declared by the system's wchar.h only under a feature macro.
extern int wcwidth(wchar_t character);

static inline int ackscope_width(wchar_t character) { return wcwidth(character); }

static inline int ackscope_is_utf8(void) {
  const char *codeset = nl_langinfo(CODESET);
  return codeset[0] == 'U' && codeset[1] == 'T' && codeset[2] == 'F';
}

// stdscr and COLORS are variables that Swift's concurrency checks refuse; whoever calls these is the only thread that uses
// the terminal.

static inline int ackscope_colors(void) { return has_colors() ? COLORS : 0; }

// Single keys, not echoed, without waiting; function keys and the mouse as codes. Ctrl-C stays a signal; Ctrl-Z and Ctrl-\
// come as keys.
static inline void ackscope_configure(void) {
  struct termios settings;
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  set_escdelay(25);
  curs_set(0);
  if (has_colors()) {
    start_color();
    use_default_colors();
  }
  if (tcgetattr(STDIN_FILENO, &settings) == 0) {
    settings.c_cc[VSUSP] = _POSIX_VDISABLE;
    settings.c_cc[VQUIT] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSANOW, &settings);
  }
  def_prog_mode();
}

// A key: 1 with its code, 0 with its character, -1 where there is none.
static inline int ackscope_read_key(int *key) {
  wint_t value = 0;
  int result = wget_wch(stdscr, &value);
  *key = (int)value;
  return result == KEY_CODE_YES ? 1 : result == OK ? 0 : -1;
}

static inline void ackscope_refresh(void) { wrefresh(stdscr); }

// Paints everything with the next refresh, whatever the terminal may show.
static inline void ackscope_repaint(void) {
  clearok(stdscr, TRUE);
}

static inline void ackscope_erase(void) { werase(stdscr); }

// A string capability of the terminal, or NULL.
static inline const char *ackscope_capability(const char *name) {
  const char *text = tigetstr(name);
  return text == (const char *)-1 ? NULL : text;
}

enum {
  ACKSCOPE_BOLD = 1,
  ACKSCOPE_DIM = 2,
  ACKSCOPE_UNDERLINE = 4,
  ACKSCOPE_REVERSE = 8,
};

// Puts one cell: up to five wide characters, attributes of the enumeration above, and a colour pair.
static inline int ackscope_put_cell(int row, int column, const wchar_t *text, int attributes, int pair) {
  attr_t attr = A_NORMAL;
  cchar_t cell;
  if (attributes & ACKSCOPE_BOLD) attr |= A_BOLD;
  if (attributes & ACKSCOPE_DIM) attr |= A_DIM;
  if (attributes & ACKSCOPE_UNDERLINE) attr |= A_UNDERLINE;
  if (attributes & ACKSCOPE_REVERSE) attr |= A_REVERSE;
  if (setcchar(&cell, text, attr, (short)0, &pair) != OK) return -1;
  if (wmove(stdscr, row, column) != OK) return -1;
  // The last cell of the screen is put although the cursor then has nowhere to go, which is reported as an error.
  (void)wadd_wch(stdscr, &cell);
  return 0;
}

// Listens to presses, double clicks and the wheel.
static inline void ackscope_enable_mouse(void) {
  mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
  mouseinterval(0);
}

enum {
  ACKSCOPE_MOUSE_OTHER = 0,
  ACKSCOPE_MOUSE_PRESS = 1,
  ACKSCOPE_MOUSE_DOUBLE = 2,
  ACKSCOPE_MOUSE_UP = 3,
  ACKSCOPE_MOUSE_DOWN = 4,
};

// The mouse event that KEY_MOUSE announced.
static inline int ackscope_mouse_event(int *row, int *column) {
  MEVENT event;
  if (getmouse(&event) != OK) return ACKSCOPE_MOUSE_OTHER;
  *row = event.y;
  *column = event.x;
  if (event.bstate & BUTTON4_PRESSED) return ACKSCOPE_MOUSE_UP;
  if (event.bstate & BUTTON5_PRESSED) return ACKSCOPE_MOUSE_DOWN;
  if (event.bstate & BUTTON1_DOUBLE_CLICKED) return ACKSCOPE_MOUSE_DOUBLE;
  if (event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED)) return ACKSCOPE_MOUSE_PRESS;
  return ACKSCOPE_MOUSE_OTHER;
}

#endif
