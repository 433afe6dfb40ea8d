#!/usr/bin/python3
"""Types lines into a real interactive bash or zsh, on a terminal of its own, and presses Tab.

press-tab.py bash|zsh SETUP HOW LINE [HOW LINE]…

SETUP is read by the shell first. HOW is "tab", which completes, or "all", which puts all candidates into the line.
Prints a JSON list: how each line looks then.
"""

import json, os, pty, re, select, sys, time

shell, setup = sys.argv[1:3]
pairs = list(zip(sys.argv[3::2], sys.argv[4::2]))

# How the line is told (Ctrl-X d), how it is emptied (Ctrl-X e), how all candidates are put into it (Ctrl-X a).
KEYS = {
    "bash": r"""
bind 'set bell-style none'; bind 'set completion-query-items 0'; bind 'set enable-bracketed-paste off'
tell() { printf '\n<<%s>>\n' "$(printf %s "$READLINE_LINE" | od -An -v -tx1 | tr -d ' \n')"; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\C-xd": tell'
bind '"\C-xa": insert-completions'
""",
    "zsh": r"""
autoload -Uz compinit; compinit -u -D
unsetopt prompt_sp prompt_cr beep; setopt no_list_ambiguous no_list_beep no_auto_menu
tell() { printf '\n<<%s>>\n' "$(printf %s "$BUFFER" | od -An -v -tx1 | tr -d ' \n')"; BUFFER=; zle redisplay }
zle -N tell; bindkey '^Xd' tell
zle -C all-matches complete-word _generic; bindkey '^Xa' all-matches
zstyle ':completion:all-matches:*' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert yes
""",
}
START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}

pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb" if shell == "bash" else "xterm", PS1="READY> ", LC_ALL="C.UTF-8")
    os.execvp(START[shell][0], START[shell])

seen = b""
def wait(pattern, seconds=150):
    """Reads what the shell writes until the pattern is in it, and takes that off."""
    global seen
    end = time.time() + seconds
    while not (found := re.search(pattern, seen)):
        if time.time() > end or not select.select([terminal], [], [], max(0, end - time.time()))[0]:
            sys.exit(f"{shell} does not answer; it wrote {seen!r}")
        seen += os.read(terminal, 65536)
    seen = seen[found.end():]
    return found

def type(text):
    os.write(terminal, text.encode())

wait(rb"READY> ")
with open(setup + ".keys", "w") as file:
    file.write(KEYS[shell])
for name in (setup + ".keys", setup):
    type(f". '{name}'; echo LOADED'!'\n")
    wait(rb"LOADED!\r?\n")
    wait(rb"READY> ")
told = []
for how, line in pairs:
    type(line + ("\t" if how == "tab" else "\x18a"))
    type("\x18d")
    told.append(bytes.fromhex(wait(rb"<<([0-9a-f]*)>>").group(1).decode()).decode())
print(json.dumps(told))
type("exit\n")
